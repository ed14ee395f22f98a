import ContainerImage
import FoundationEssentials
import ImageTransfer

/// A bundle that `runc run` starts, and runsc and Kata as well: a directory with `config.json`, the root file
/// system in `rootfs`, and `volumes` if the image has any. What is in `config.json` comes from the image as
/// image-spec, conversion.md, says, and the rest is that of `runc spec`.
public struct RuntimeBundle: Sendable, Hashable {
  public struct Options: Sendable, Hashable {
    /// The whole command line, in place of the image's.
    public var arguments: [String]?
    /// Whether the process gets a terminal; `runc run` then must be started in one.
    public var terminal = false
    /// Not nil: a container in a user namespace, which needs no root.
    public var rootless: RootlessIDs?
    public var hostname = "kontor"

    public init() {}
  }

  public static let rootName = "rootfs"

  public let specification: RuntimeSpecification
  /// What `makeVolumes` makes.
  public let volumes: [BundleVolume]
  /// The image's labels that are not among the annotations, since a runtime would obey them; for a warning.
  public let omittedLabels: [String]

  /// - Parameter root: the unpacked image.
  /// - Throws: `TransferError.notAnImage` if the image cannot be run or, rootless, its user is not mapped;
  ///   `.failed`
  public init(_ config: ImageConfig, root: RootDirectory, options: Options = Options()) throws(TransferError)
  {
    let process = try ContainerProcess(
      config, in: root, arguments: options.arguments, terminal: options.terminal)
    let user = process.user
    if let ids = options.rootless {
      guard ids.contains(uid: user.uid, gid: user.gid) else {
        throw .notAnImage(
          "the image runs as \(user.uid):\(user.gid), and a rootless container has no such user: "
            + "have ids given to you in /etc/subuid and /etc/subgid and newuidmap installed, "
            + "or make a bundle that is not rootless, and run it as root")
      }
    }
    // runc refuses to set any without root, whatever is mapped.
    let groups = options.rootless == nil ? user.additionalGroups : nil
    volumes = BundleVolume.all(of: config)
    let annotations = Self.annotations(config)
    omittedLabels = annotations.omitted
    specification = RuntimeSpecification(
      ociVersion: RuntimeSpecification.version,
      process: .init(
        terminal: options.terminal,
        user: .init(uid: user.uid, gid: user.gid, additionalGids: groups),
        args: process.arguments, env: process.environment.map(\.description), cwd: process.workingDirectory,
        capabilities: RuntimeSpecification.defaultCapabilities, rlimits: RuntimeSpecification.defaultLimits,
        noNewPrivileges: true),
      root: .init(path: Self.rootName, readonly: false),
      hostname: options.hostname,
      mounts: RuntimeSpecification.defaultMounts(rootless: options.rootless != nil) + volumes.map(\.mount),
      annotations: annotations.kept.isEmpty ? nil : annotations.kept,
      linux: RuntimeSpecification.defaultLinux(options.rootless))
  }

  /// The content of `config.json`.
  /// - Throws: `TransferError.failed`
  public func json() throws(TransferError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return try Array(encoder.encode(specification)) + [UInt8(ascii: "\n")]
    } catch {
      throw .failed("cannot write the bundle's config.json: \(error)")
    }
  }

  /// conversion.md, sections "Annotation Fields" and "Annotations": what the image is, unless a label says it
  /// otherwise, and its labels.
  private static func annotations(_ config: ImageConfig) -> (kept: [String: String], omitted: [String]) {
    let prefix = "org.opencontainers.image."
    let values: [(String, String?)] = [
      ("os", config.os), ("architecture", config.architecture), ("variant", config.variant),
      ("author", config.author), ("created", config.created), ("stopSignal", config.config?.stopSignal),
      ("exposedPorts", config.config?.exposedPorts?.keys.sorted().joined(separator: ",")),
    ]
    var kept: [String: String] = [:]
    for case (let name, let value?) in values where !value.isEmpty { kept[prefix + name] = value }
    var omitted: [String] = []
    for (name, value) in config.config?.labels ?? [:] {
      if commanding.contains(where: name.hasPrefix) || name.isEmpty {
        omitted.append(name)
      } else {
        kept[name] = value
      }
    }
    return (kept, omitted.sorted())
  }

  /// Annotations by which runtimes are told how to run a container: of runc (properties of the systemd unit),
  /// crun, gVisor, Kata and CRI. An image must not decide that.
  private static let commanding = [
    "org.systemd.property.", "run.oci.", "dev.gvisor.", "io.katacontainers.", "io.kubernetes.cri",
  ]
}
