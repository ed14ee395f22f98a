import ContainerImage

/// An image's manifest: what it is named, how it is run, and what it needs (appc 0.8.11, aci.md, "Image Manifest
/// Schema"). Always valid.
///
/// ```swift
/// let manifest = try AppContainerManifest(parsing: bytes)
/// manifest.app?.exec  // ["/usr/bin/reduce-worker", "--quiet"]
/// ```
///
/// Fields that the specification does not have are kept, at the top and in `app`, and written again. In other
/// objects they are passed over.
public struct AppContainerManifest: Sendable, Hashable {
  public struct Dependency: Sendable, Hashable {
    public var imageName: ACIdentifier
    public var imageID: ACIImageID?
    public var labels: ACLabels
    /// Bytes.
    public var size: Int64?
  }

  public var version: ACVersion
  public var name: ACIdentifier
  public var labels = ACLabels()
  public var app: ACApp?
  public var dependencies: [Dependency] = []
  /// The only paths that the root file system has in the end; none for all.
  public var pathWhitelist: [String] = []
  public var annotations = ACAnnotations()
  /// Fields that this version of the specification does not have, in their order.
  public private(set) var otherFields: [OrderedJSON.Member] = []

  public init(name: ACIdentifier) {
    version = .current
    self.name = name
  }

  private static let names = [
    "acKind", "acVersion", "name", "labels", "app", "annotations", "dependencies", "pathWhitelist",
  ]

  /// - Parameter bytes: JSON without lenience, in which no object has a name twice.
  /// - Throws: `AppContainerError`, which names the field and what was expected.
  public init(parsing bytes: [UInt8]) throws(AppContainerError) {
    let document: OrderedJSON
    do {
      document = try OrderedJSON(strictlyParsing: bytes, what: "the image manifest")
    } catch {
      throw .malformed("\(error)")
    }
    let fields = try ManifestFields(document, at: "")
    guard try fields.requiredParsed("acKind", ACKind.init(parsing:)) == .imageManifest else {
      throw fields.failure("acKind", "expected ImageManifest")
    }
    version = try fields.requiredParsed("acVersion", ACVersion.init(parsing:))
    guard version.major == ACVersion.current.major else {
      throw fields.failure(
        "acVersion",
        "version \(version) is not compatible with \(ACVersion.current), which this program knows")
    }
    name = try fields.requiredParsed("name", ACIdentifier.init(parsing:))
    labels = try ACLabels(fields, "labels")
    app = nil
    if let object = try fields.object("app") { app = try ACApp(object) }
    annotations = try ACAnnotations(fields, "annotations")
    for object in try fields.objects("dependencies") { dependencies.append(try Dependency(object)) }
    pathWhitelist = try fields.strings("pathWhitelist")
    otherFields = fields.others(than: Self.names)
  }

  /// The document, the same for equal values, on one line and without a line's end.
  /// - Throws: `AppContainerError`, if `app` was made of what is not valid.
  public func encoded() throws(AppContainerError) -> [UInt8] {
    var members = MemberList()
    members.add("acKind", .string(ACKind.imageManifest.rawValue))
    members.add("acVersion", .string(version.description))
    members.add("name", .string(name.description))
    if !labels.labels.isEmpty { members.add("labels", labels.json) }
    if let app { members.add("app", app.json) }
    if !annotations.annotations.isEmpty { members.add("annotations", annotations.json) }
    members.add(list: "dependencies", dependencies.map(\.json))
    members.add(list: "pathWhitelist", pathWhitelist.map { .string($0) })
    let bytes = Array(OrderedJSON.object(members.members + otherFields).line.utf8)
    // What is written can be read: fields of `app` can be set to anything.
    _ = try AppContainerManifest(parsing: bytes)
    return bytes
  }
}

extension AppContainerManifest.Dependency {
  init(_ fields: ManifestFields) throws(AppContainerError) {
    imageName = try fields.requiredParsed("imageName", ACIdentifier.init(parsing:))
    imageID = try fields.parsed("imageID", ACIImageID.init(parsing:))
    labels = try ACLabels(fields, "labels")
    size = try fields.integer("size", in: 0...Int64.max)
  }

  fileprivate var json: OrderedJSON {
    var members = MemberList()
    members.add("imageName", .string(imageName.description))
    if let imageID { members.add("imageID", .string(imageID.description)) }
    if !labels.labels.isEmpty { members.add("labels", labels.json) }
    if let size { members.add("size", .literal("\(size)")) }
    return .object(members.members)
  }
}

/// The members of an object that is being made.
struct MemberList {
  private(set) var members: [OrderedJSON.Member] = []

  mutating func add(_ name: String, _ value: OrderedJSON) {
    members.append(OrderedJSON.Member(name: name, value: value))
  }

  /// Leaves out what is empty.
  mutating func add(list name: String, _ values: [OrderedJSON]) {
    if !values.isEmpty { add(name, .array(values)) }
  }
}
