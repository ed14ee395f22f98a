import ContainerImage

/// The labels of an image or a dependency, in their order (appc 0.8.11, aci.md, "Image Manifest Schema"). Names are
/// unique and none is `name`; `os` and `arch` are a pair that the specification knows.
public struct ACLabels: Sendable, Hashable {
  public struct Label: Sendable, Hashable {
    public let name: ACIdentifier
    public let value: String

    public init(name: ACIdentifier, value: String) {
      self.name = name
      self.value = value
    }
  }

  public let labels: [Label]

  /// None.
  public init() { labels = [] }

  /// - Throws: `AppContainerError.malformed`
  public init(_ labels: [Label]) throws(AppContainerError) {
    var names: Set<ACIdentifier> = []
    for label in labels {
      guard label.name != Self.reserved else { throw .malformed("a label must not have the name \"name\"") }
      guard names.insert(label.name).inserted else {
        throw .malformed("the label \(label.name) is there twice")
      }
    }
    self.labels = labels
    try checkPlatform()
  }

  public subscript(name: ACIdentifier) -> String? { labels.first { $0.name == name }?.value }

  public var version: String? { self[Self.version] }
  public var os: String? { self[Self.os] }
  public var architecture: String? { self[Self.architecture] }

  public static let version = ACIdentifier("version")
  public static let os = ACIdentifier("os")
  public static let architecture = ACIdentifier("arch")
  private static let reserved = ACIdentifier("name")

  /// An architecture says nothing without an operating system, and is not looked at then.
  private func checkPlatform() throws(AppContainerError) {
    guard let os else { return }
    guard let known = ACPlatform.architectures[os] else {
      throw .malformed(
        "the label os has the value \(os.quotedForMessage): expected one of "
          + ACPlatform.architectures.keys.sorted().joined(separator: ", "))
    }
    if let architecture, !known.contains(architecture) {
      throw .malformed(
        "the label arch has the value \(architecture.quotedForMessage): expected, for \(os), one of "
          + known.joined(separator: ", "))
    }
  }
}

extension ACLabels {
  init(_ fields: ManifestFields, _ name: String) throws(AppContainerError) {
    var labels: [Label] = []
    for object in try fields.objects(name) {
      labels.append(
        Label(
          name: try object.requiredParsed("name", ACIdentifier.init(parsing:)),
          value: try object.requiredString("value")))
    }
    do {
      try self.init(labels)
    } catch {
      throw fields.failure(name, "\(error)")
    }
  }

  var json: OrderedJSON { .array(labels.map { .nameAndValue($0.name.description, .string($0.value)) }) }
}
