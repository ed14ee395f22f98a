import ContainerImage

/// What is signed: which content (Notary Project, signature specification, section "Payload"). Properties that do not
/// identify it are ignored.
struct NotationPayload: Sendable, Hashable {
  let mediaType: MediaType
  let digest: Digest
  /// Bytes.
  let size: Int64

  /// - Throws: `Refusal`
  init(parsing bytes: [UInt8]) throws(Refusal) {
    let document = try NotationEnvelope.object(bytes, "the payload")
    guard let target = document["targetArtifact"], target.isObject else {
      throw Refusal("the payload does not say what is signed: targetArtifact is missing")
    }
    guard let type = target["mediaType"]?.string, let digestText = target["digest"]?.string,
      case .literal(let sizeText) = target["size"], let size = Int64(sizeText), size >= 0
    else { throw Refusal("the payload's targetArtifact lacks mediaType, digest or size") }
    do { digest = try Digest(parsing: digestText) } catch {
      throw Refusal("the payload's targetArtifact has no digest that can be compared: \(error)")
    }
    mediaType = MediaType(type)
    self.size = size
  }

  init(_ descriptor: Descriptor) {
    (mediaType, digest, size) = (descriptor.mediaType, descriptor.digest, descriptor.size)
  }

  /// - Throws: `Refusal`: other content was signed.
  func check(against descriptor: Descriptor) throws(Refusal) {
    guard digest == descriptor.digest else {
      throw Refusal("it is over \(digest), not over \(descriptor.digest)")
    }
    guard size == descriptor.size else {
      throw Refusal("it is over \(size) bytes; the manifest has \(descriptor.size)")
    }
    guard mediaType == descriptor.mediaType else {
      throw Refusal(
        "it is over the media type \(mediaType.description.quotedForMessage); the manifest has "
          + descriptor.mediaType.description.quotedForMessage)
    }
  }

  /// As `init(parsing:)` reads it.
  var bytes: [UInt8] {
    let target = OrderedJSON.object([
      OrderedJSON.Member(name: "mediaType", value: .string(mediaType.description)),
      OrderedJSON.Member(name: "digest", value: .string(digest.description)),
      OrderedJSON.Member(name: "size", value: .literal("\(size)")),
    ])
    return Array(OrderedJSON.object([OrderedJSON.Member(name: "targetArtifact", value: target)]).line.utf8)
  }
}
