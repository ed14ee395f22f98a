/// What an image's config says: what it runs on, how it is started, and what its layers are when unpacked
/// (image-spec, config.md; Docker's image JSON has the same properties). Unknown properties are ignored.
public struct ImageConfig: Sendable, Hashable, Codable {
  /// How a container of the image is started by default.
  public struct Execution: Sendable, Hashable, Codable {
    /// `user`, `uid`, `user:group` or a mixture; empty or nil for root.
    public var user: String?
    public var exposedPorts: [String: Empty]?
    /// `NAME=VALUE`
    public var environment: [String]?
    public var entrypoint: [String]?
    public var command: [String]?
    public var volumes: [String: Empty]?
    public var workingDirectory: String?
    public var labels: [String: String]?
    public var stopSignal: String?

    public init() {}

    /// The command line of a container: the entrypoint, then its default arguments.
    public var arguments: [String] { (entrypoint ?? []) + (command ?? []) }

    private enum CodingKeys: String, CodingKey {
      case user = "User"
      case exposedPorts = "ExposedPorts"
      case environment = "Env"
      case entrypoint = "Entrypoint"
      case command = "Cmd"
      case volumes = "Volumes"
      case workingDirectory = "WorkingDir"
      case labels = "Labels"
      case stopSignal = "StopSignal"
    }
  }

  /// The value of each entry of a Go `map[string]struct{}`.
  public struct Empty: Sendable, Hashable, Codable {
    public init() {}
  }

  public struct RootFS: Sendable, Hashable, Codable {
    public var type: String
    /// Of the uncompressed layers, from the first to the last.
    public var diffIDs: [Digest]

    public init(diffIDs: [Digest]) {
      type = "layers"
      self.diffIDs = diffIDs
    }

    private enum CodingKeys: String, CodingKey {
      case type
      case diffIDs = "diff_ids"
    }
  }

  public struct History: Sendable, Hashable, Codable {
    public var created: String?
    public var author: String?
    public var createdBy: String?
    public var comment: String?
    public var isEmptyLayer: Bool?

    public init(createdBy: String? = nil, comment: String? = nil) {
      self.createdBy = createdBy
      self.comment = comment
    }

    private enum CodingKeys: String, CodingKey {
      case created, author, comment
      case createdBy = "created_by"
      case isEmptyLayer = "empty_layer"
    }
  }

  /// RFC 3339.
  public var created: String?
  public var author: String?
  public var architecture: String
  public var os: String
  public var variant: String?
  public var config: Execution?
  public var rootfs: RootFS
  public var history: [History]?

  public init(platform: Platform, config: Execution, diffIDs: [Digest]) {
    architecture = platform.architecture
    os = platform.os
    variant = platform.variant
    self.config = config
    rootfs = RootFS(diffIDs: diffIDs)
  }

  public var platform: Platform { Platform(os: os, architecture: architecture, variant: variant) }

  /// - Throws: `InvalidValue.malformed` if it is no image's config.
  public init(parsing bytes: some ContiguousBytesSequence) throws(InvalidValue) {
    self = try InvalidValue.decode(Self.self, from: bytes, what: "the image's config")
    guard rootfs.type == "layers" else {
      throw .malformed("the image's config has a rootfs of the unknown type \(rootfs.type.quotedForMessage)")
    }
  }
}
