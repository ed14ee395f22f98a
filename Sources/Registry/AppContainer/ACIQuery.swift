import AppContainer
import ContainerImage

/// Which image a client asks for: what it puts into the templates of discovery.
public struct ACIQuery: Sendable, Hashable {
  public let name: ACIdentifier
  /// `version`, `os` and `arch`, as far as they are asked for. A version `latest` is not among them: clients ask for it who
  /// name none.
  public let labels: ACLabels

  private static let latest = "latest"

  /// - Parameters:
  ///   - version: nil or `latest` for the newest.
  ///   - os: nil for any.
  ///   - architecture: in appc's names; nil for any.
  /// - Throws: `AppContainerError.malformed`
  public init(
    name: ACIdentifier, version: String?, os: String? = nil, architecture: String? = nil
  ) throws(AppContainerError) {
    self.name = name
    var labels: [ACLabels.Label] = []
    if let version, version != Self.latest { labels.append(.init(name: ACLabels.version, value: version)) }
    if let os { labels.append(.init(name: ACLabels.os, value: os)) }
    if let architecture { labels.append(.init(name: ACLabels.architecture, value: architecture)) }
    self.labels = try ACLabels(labels)
  }

  /// The tag that has the version, in which `_` stands for the `+` that a tag cannot have.
  /// - Returns: nil if the newest is asked for, or no tag can have this version.
  var tag: Tag? { labels.version.flatMap { try? Tag(parsing: $0.replacing("+", with: "_")) } }

  /// Which image of an index is meant: that for this machine's usual clients if nothing is said.
  /// - Throws: `AppContainerError.notConvertible` for an architecture that OCI images have no name for.
  var platform: Platform {
    get throws(AppContainerError) {
      guard labels.os != nil, labels.architecture != nil else {
        return Platform(os: "linux", architecture: "amd64")
      }
      return try ACPlatform.platform(of: labels)
    }
  }
}
