import ContainerImage

/// Which image is asked for, as rkt's users write it: `NAME[:VERSION][,LABEL=VALUE…]` (appc 0.8.11, discovery/parse.go,
/// `NewAppFromString`). The version is the label `version`.
public struct ACImageName: Sendable, Hashable, CustomStringConvertible {
  public let name: ACIdentifier
  public let labels: ACLabels

  public init(name: ACIdentifier, labels: ACLabels = ACLabels()) {
    self.name = name
    self.labels = labels
  }

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    let form = "expected NAME[:VERSION][,LABEL=VALUE…], such as example.com/hello:1.0.0,os=linux"
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let first = parts[0].split(separator: ":", omittingEmptySubsequences: false)
    guard first.count <= 2, first.last?.isEmpty == false,
      !parts.dropFirst().contains(where: { $0.contains(":") })
    else {
      throw .malformed("\(text.quotedForMessage): one colon may follow the name, before a version: \(form)")
    }
    name = try ACIdentifier(parsing: String(first[0]))
    var labels: [ACLabels.Label] = []
    if first.count == 2 { labels.append(.init(name: ACLabels.version, value: String(first[1]))) }
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", omittingEmptySubsequences: false)
      guard pair.count == 2 else { throw .malformed("\(part.quotedForMessage) is no label: \(form)") }
      labels.append(.init(name: try ACIdentifier(parsing: String(pair[0])), value: String(pair[1])))
    }
    self.labels = try ACLabels(labels)
  }

  /// With the labels `os` and `arch` of a platform, unless it has an `os` or `arch` of its own, as rkt asks for images.
  /// - Throws: `AppContainerError.notConvertible` for a platform that the specification has no name for.
  public func with(_ platform: Platform) throws(AppContainerError) -> ACImageName {
    let found = try ACPlatform.labels(of: platform)
    var all = labels.labels
    if labels.os == nil { all.append(.init(name: ACLabels.os, value: found.os)) }
    if labels.architecture == nil {
      all.append(.init(name: ACLabels.architecture, value: found.architecture))
    }
    return ACImageName(name: name, labels: try ACLabels(all))
  }

  public var description: String {
    let others = labels.labels.filter { $0.name != ACLabels.version }.map { ",\($0.name)=\($0.value)" }
    return name.description + (labels.version.map { ":\($0)" } ?? "") + others.joined()
  }
}
