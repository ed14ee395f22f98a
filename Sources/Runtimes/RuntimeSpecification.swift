/// What a bundle's `config.json` holds: as much of the runtime specification (config.md, config-linux.md) as
/// is written here.
public struct RuntimeSpecification: Sendable, Hashable, Codable {
  public struct Process: Sendable, Hashable, Codable {
    public var terminal: Bool
    public var user: User
    public var args: [String]
    /// `NAME=VALUE`
    public var env: [String]
    public var cwd: String
    public var capabilities: Capabilities
    public var rlimits: [ResourceLimit]
    public var noNewPrivileges: Bool
  }

  public struct User: Sendable, Hashable, Codable {
    public var uid: UInt32
    public var gid: UInt32
    public var additionalGids: [UInt32]?
  }

  public struct Capabilities: Sendable, Hashable, Codable {
    public var bounding: [String]
    public var effective: [String]
    public var permitted: [String]
    public var ambient: [String]
  }

  public struct ResourceLimit: Sendable, Hashable, Codable {
    public var type: String
    public var hard: UInt64
    public var soft: UInt64
  }

  public struct Root: Sendable, Hashable, Codable {
    /// Relative to the bundle.
    public var path: String
    public var readonly: Bool
  }

  public struct Mount: Sendable, Hashable, Codable {
    public var destination: String
    public var type: String
    /// For a bind mount a path, relative to the bundle or absolute.
    public var source: String
    public var options: [String]?
  }

  public struct Linux: Sendable, Hashable, Codable {
    public var resources: Resources?
    public var uidMappings: [IDMapping]?
    public var gidMappings: [IDMapping]?
    public var namespaces: [Namespace]
    public var maskedPaths: [String]
    public var readonlyPaths: [String]
  }

  public struct Resources: Sendable, Hashable, Codable {
    public var devices: [DeviceRule]
  }

  public struct DeviceRule: Sendable, Hashable, Codable {
    public var allow: Bool
    public var access: String
  }

  public struct IDMapping: Sendable, Hashable, Codable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var size: UInt32

    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }

    func contains(_ id: UInt32) -> Bool { id >= containerID && id - containerID < size }
  }

  public struct Namespace: Sendable, Hashable, Codable {
    public var type: String
  }

  public var ociVersion: String
  public var process: Process
  public var root: Root
  public var hostname: String
  public var mounts: [Mount]
  public var annotations: [String: String]?
  public var linux: Linux
}
