import ContainerImage

/// A limit or a privilege that an app is to run with (appc 0.8.11, types.md, "Isolator Type", and ace.md, "Isolators").
/// One that the specification does not define is kept as it is: an executor may ignore it.
public struct ACIsolator: Sendable, Hashable {
  public let name: ACIdentifier
  /// What it says, if the specification defines it.
  public let setting: Setting?
  /// As the manifest has it.
  public let value: OrderedJSON

  public enum Setting: Sendable, Hashable {
    /// `resource/cpu` (cores), `resource/memory` (bytes), `resource/block-bandwidth`, `resource/block-iops`,
    /// `resource/network-bandwidth`.
    case resource(request: ResourceQuantity?, limit: ResourceQuantity?)
    case capabilitiesRetainSet([String])
    case capabilitiesRemoveSet([String])
    case noNewPrivileges(Bool)
    /// `errno` is empty for the end of the app.
    case seccompRetainSet([String], errno: String)
    case seccompRemoveSet([String], errno: String)
    /// 2 to 262,144.
    case cpuShares(Int)
    /// -1000 to 1000.
    case oomScoreAdjustment(Int)
    case seLinuxContext(user: String, role: String, type: String, level: String)
    case appArmorProfile(String)
    case sysctl([String: String])
  }

  /// - Throws: `AppContainerError.invalidField`
  init(_ fields: ManifestFields) throws(AppContainerError) {
    name = try fields.requiredParsed("name", ACIdentifier.init(parsing:))
    guard let value = try fields.value("value") else { throw fields.failure("value", "it is missing") }
    self.value = value
    setting = try Setting(name, value, at: fields.path(of: "value"))
  }

  var json: OrderedJSON { .nameAndValue(name.description, value) }

  /// Of the same kind there may be several of some (schema/types, `multipleAllowed`), and of retain and remove sets only
  /// one of both.
  /// - Parameter path: of the list.
  static func check(_ isolators: [ACIsolator], at path: String) throws(AppContainerError) {
    var names: Set<ACIdentifier> = []
    for isolator in isolators {
      let isRepeated = !names.insert(isolator.name).inserted
      if isRepeated, isolator.isSingle {
        throw .invalidField(field: path, reason: "the isolator \(isolator.name) is there twice")
      }
    }
    for kind in ["capabilities", "seccomp"] {
      let pair = ["os/linux/\(kind)-retain-set", "os/linux/\(kind)-remove-set"]
      if Set(pair).isSubset(of: Set(names.map(\.description))) {
        throw .invalidField(
          field: path, reason: "\(pair[0]) and \(pair[1]) exclude each other: leave one of them out")
      }
    }
  }

  private var isSingle: Bool {
    switch setting {
    case .seccompRetainSet, .seccompRemoveSet, .cpuShares, .oomScoreAdjustment, .seLinuxContext,
      .appArmorProfile, .sysctl:
      true
    case nil, .resource, .capabilitiesRetainSet, .capabilitiesRemoveSet, .noNewPrivileges: false
    }
  }
}
