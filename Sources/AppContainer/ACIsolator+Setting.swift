import ContainerImage

extension ACIsolator.Setting {
  /// - Returns: nil for a name that the specification does not define.
  init?(_ name: ACIdentifier, _ value: OrderedJSON, at path: String) throws(AppContainerError) {
    switch name.description {
    case "resource/cpu", "resource/memory":
      self = try Self.resource(value, isDefault: false, at: path)
    case "resource/block-bandwidth", "resource/block-iops", "resource/network-bandwidth":
      self = try Self.resource(value, isDefault: true, at: path)
    case "os/linux/capabilities-retain-set":
      self = .capabilitiesRetainSet(try Self.set(ManifestFields(value, at: path)))
    case "os/linux/capabilities-remove-set":
      self = .capabilitiesRemoveSet(try Self.set(ManifestFields(value, at: path)))
    case "os/linux/seccomp-retain-set":
      let fields = try ManifestFields(value, at: path)
      self = .seccompRetainSet(try Self.set(fields), errno: try Self.errno(fields))
    case "os/linux/seccomp-remove-set":
      let fields = try ManifestFields(value, at: path)
      self = .seccompRemoveSet(try Self.set(fields), errno: try Self.errno(fields))
    case "os/linux/no-new-privileges":
      guard value == .literal("true") || value == .literal("false") else {
        throw .invalidField(field: path, reason: "expected true or false")
      }
      self = .noNewPrivileges(value == .literal("true"))
    case "os/linux/cpu-shares":
      self = .cpuShares(Int(try ManifestFields.integer(value, in: 2...262_144, at: path)))
    case "os/linux/oom-score-adj":
      self = .oomScoreAdjustment(Int(try ManifestFields.integer(value, in: -1000...1000, at: path)))
    case "os/linux/selinux-context": self = try Self.seLinuxContext(ManifestFields(value, at: path))
    case "os/linux/apparmor-profile":
      self = .appArmorProfile(try Self.filled("profile", of: ManifestFields(value, at: path)))
    case "os/unix/sysctl": self = .sysctl(try ManifestFields(value, at: path).dictionary())
    default: return nil
    }
  }

  private static func resource(
    _ value: OrderedJSON, isDefault: Bool, at path: String
  ) throws(AppContainerError) -> Self {
    let fields = try ManifestFields(value, at: path)
    guard try fields.boolean("default") ?? false == isDefault else {
      throw fields.failure("default", isDefault ? "expected true" : "expected false or nothing")
    }
    let request = try quantity("request", of: fields)
    if isDefault, request != nil {
      throw fields.failure("request", "this resource cannot be requested: leave it out")
    }
    return .resource(request: request, limit: try quantity("limit", of: fields))
  }

  /// A string, or a number as JSON has it.
  private static func quantity(
    _ name: String, of fields: ManifestFields
  ) throws(AppContainerError) -> ResourceQuantity? {
    let text: String
    switch try fields.value(name) {
    case nil: return nil
    case .string(let string): text = string
    case .literal(let literal): text = literal
    default: throw fields.failure(name, "expected a string such as 250m or 1G")
    }
    do {
      return try ResourceQuantity(parsing: text)
    } catch {
      throw fields.failure(name, "\(error)")
    }
  }

  private static func set(_ fields: ManifestFields) throws(AppContainerError) -> [String] {
    let set = try fields.strings("set")
    guard !set.isEmpty else { throw fields.failure("set", "expected a list that is not empty") }
    return set
  }

  private static func errno(_ fields: ManifestFields) throws(AppContainerError) -> String {
    let errno = try fields.string("errno") ?? ""
    let isName = errno.utf8.allSatisfy {
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    guard errno.isEmpty || (errno.hasPrefix("E") && isName) else {
      throw fields.failure("errno", "expected a name such as EPERM, or nothing")
    }
    return errno
  }

  private static func seLinuxContext(_ fields: ManifestFields) throws(AppContainerError) -> Self {
    for name in ["user", "role", "type"] where try filled(name, of: fields).contains(":") {
      throw fields.failure(name, "it must not have a colon")
    }
    return .seLinuxContext(
      user: try filled("user", of: fields), role: try filled("role", of: fields),
      type: try filled("type", of: fields), level: try filled("level", of: fields))
  }

  private static func filled(_ name: String, of fields: ManifestFields) throws(AppContainerError) -> String {
    let text = try fields.requiredString(name)
    guard !text.isEmpty else { throw fields.failure(name, "it must not be empty") }
    return text
  }
}
