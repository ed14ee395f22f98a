import ContainerImage

extension Descriptor {
  /// As image-spec has it.
  public var json: OrderedJSON {
    var json = OrderedJSON.object([])
    json["mediaType"] = .string("\(mediaType)")
    json["digest"] = .string("\(digest)")
    json["size"] = .literal("\(size)")
    if let artifactType { json["artifactType"] = .string(artifactType) }
    if let platform { json["platform"] = .string("\(platform)") }
    if let annotations {
      json["annotations"] = .object(
        annotations.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .string($0.value)) })
    }
    return json
  }
}
