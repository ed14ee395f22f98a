import ContainerImage

/// How an image is run by default (appc 0.8.11, aci.md, "Image Manifest Schema", `app`).
public struct ACApp: Sendable, Hashable {
  public struct EventHandler: Sendable, Hashable {
    public enum Event: String, Sendable, Hashable, CaseIterable {
      case preStart = "pre-start"
      case postStop = "post-stop"
    }

    public var event: Event
    public var exec: [String]
  }

  public struct EnvironmentVariable: Sendable, Hashable {
    public let name: String
    public let value: String

    /// - Throws: `AppContainerError.malformed` for a name that is not made of letters, digits, `_`, `.` and `-`, or begins
    ///   with something else than a letter or `_`.
    public init(name: String, value: String) throws(AppContainerError) {
      let isLetter = { (scalar: Unicode.Scalar) in scalar.isASCII && scalar.properties.isAlphabetic }
      guard let first = name.unicodeScalars.first, isLetter(first) || first == "_",
        name.unicodeScalars.allSatisfy({ isLetter($0) || "0123456789_.-".unicodeScalars.contains($0) })
      else {
        throw .malformed(
          "\(name.quotedForMessage) is no name of an environment variable: expected letters, digits, \"_\", \".\" "
            + "and \"-\", with a letter or \"_\" at the start")
      }
      self.name = name
      self.value = value
    }
  }

  public struct MountPoint: Sendable, Hashable {
    public var name: ACName
    /// In the image's root file system.
    public var path: String
    public var isReadOnly: Bool

    public init(name: ACName, path: String, isReadOnly: Bool = false) {
      self.name = name
      self.path = path
      self.isReadOnly = isReadOnly
    }
  }

  public struct Port: Sendable, Hashable {
    public var name: ACName
    public var transport: String
    /// The first, from 1 to 65,535.
    public let port: Int
    /// How many follow each other, 1 or more; the last is at most 65,535.
    public let count: Int
    public var isSocketActivated: Bool

    /// - Throws: `AppContainerError.malformed`
    public init(
      name: ACName, transport: String, port: Int, count: Int = 1, isSocketActivated: Bool = false
    ) throws(AppContainerError) {
      guard (1...65535).contains(port), (1...65536 - port).contains(count) else {
        throw .malformed("the port \(name) must be from 1 to 65535, and so must be the end of its range")
      }
      self.name = name
      self.transport = transport
      self.port = port
      self.count = count
      self.isSocketActivated = isSocketActivated
    }
  }

  public var exec: [String] = []
  public var eventHandlers: [EventHandler] = []
  /// A name, a number, or an absolute path of the image whose owner is meant.
  public var user: String
  public var group: String
  public var supplementaryGroupIDs: [UInt32] = []
  /// An absolute path; nil for `/`.
  public var workingDirectory: String?
  /// No name is in it twice.
  public var environment: [EnvironmentVariable] = []
  public var mountPoints: [MountPoint] = []
  public var ports: [Port] = []
  public var isolators: [ACIsolator] = []
  public var userAnnotations: [String: String] = [:]
  public var userLabels: [String: String] = [:]
  /// Fields that this version of the specification does not have, in their order: they are written again as
  /// they are.
  public internal(set) var otherFields: [OrderedJSON.Member] = []

  public init(user: String, group: String) {
    self.user = user
    self.group = group
  }
}
