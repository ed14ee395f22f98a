import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes

/// Where an image is or goes, as it is written on the command line: `transport:detail`, with skopeo's names where it has
/// them. What has no transport is a reference of a registry.
enum ImageLocation: Equatable, CustomStringConvertible {
  case registry(ImageReference)
  case layout(directory: String, name: String?)
  case export(Export, String)

  /// Places that an image is made into. Archives are read from as well.
  enum Export: String, CaseIterable {
    case ociArchive = "oci-archive"
    case dockerArchive = "docker-archive"
    case runc
    case rootFS = "rootfs"
    case rootFSTar = "rootfs-tar"
    case lxc
    case lxdImage = "lxd-image"
    case nspawn

    var form: String {
      switch self {
      case .ociArchive: "oci-archive:FILE[:NAME]"
      case .dockerArchive: "docker-archive:FILE[:NAME:TAG]"
      case .runc: "runc:DIR"
      case .rootFS: "rootfs:DIR"
      case .rootFSTar: "rootfs-tar:FILE"
      case .lxc: "lxc:NAME"
      case .lxdImage: "lxd-image:FILE"
      case .nspawn: "nspawn:NAME"
      }
    }
  }

  private static let stores = ["docker://REFERENCE", "oci:DIR[:NAME]"]
  static let sources =
    stores + [Export.ociArchive.form, "docker-archive:FILE[:NAME[:TAG]|:@NUMBER]", Export.rootFSTar.form]
  static let destinations = stores + Export.allCases.map(\.form)

  /// - Throws: `ConfigurationError`
  init(parsing text: String) throws(ConfigurationError) {
    do throws(InvalidValue) {
      let transport = text.prefix { $0 != ":" }
      let detail = text.dropFirst(transport.count + 1)
      if text.hasPrefix("docker://") {
        self = .registry(try ImageReference(parsing: String(text.dropFirst(9))))
      } else if transport.endIndex == text.endIndex {
        self = .registry(try ImageReference(parsing: text))
      } else if transport == "oci" {
        let (directory, name) = try Self.split(text, detail)
        self = .layout(directory: directory, name: name)
      } else if let export = Export(rawValue: String(transport)) {
        _ = try Self.split(text, detail)
        self = .export(export, String(detail))
      } else if Self.ofOthers.contains(String(transport)) {
        throw .malformed(
          "\(text.quotedForMessage): the transport \(transport) is not known: expected one of "
            + Self.destinations.joined(separator: ", "))
      } else {
        self = .registry(try ImageReference(parsing: text))
      }
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  /// Transports of other tools, which would make odd references.
  private static let ofOthers: Set<String> = [
    "dir", "docker-daemon", "containers-storage", "ostree", "sif", "tarball", "containerd", "podman", "aci",
  ]

  /// A path and the name behind it. As in skopeo, a path has no colon.
  private static func split(_ text: String, _ detail: Substring) throws(InvalidValue) -> (String, String?) {
    let parts = detail.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = parts.first, !path.isEmpty else {
      throw .malformed(
        "\(text.quotedForMessage) names no place: expected one of \(destinations.joined(separator: ", "))")
    }
    let name = parts.count > 1 ? String(parts[1]) : nil
    if let name, name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
      throw .malformed(
        "\(text.quotedForMessage) has no valid name behind its last colon: leave the colon out, or give one")
    }
    return (String(path), name)
  }

  var description: String {
    switch self {
    case .registry(let reference): "docker://\(reference)"
    case .layout(let directory, let name): "oci:\(directory)" + (name.map { ":\($0)" } ?? "")
    case .export(let export, let detail): "\(export.rawValue):\(detail)"
    }
  }

  /// - Parameters:
  ///   - limits: of what an archive may have.
  ///   - making: of what a root file system is made into an image; nil for what that says by itself.
  /// - Throws: `TransferError`, `ConfigurationError` if this is no place to read an image from.
  func source(
    _ client: RegistryClient, _ limits: UnpackLimits = UnpackLimits(), making: RootFSTarImport.Options? = nil
  ) throws -> any ImageSource {
    if making != nil, !isRootFSTar {
      throw ConfigurationError(
        "\(self) is an image already, whose config stays as it is: options such as --entrypoint are for "
          + Export.rootFSTar.form)
    }
    switch self {
    case .registry(let reference):
      return RegistrySource(try client.repository(reference, for: .pull(reference)))
    case .layout(let directory, let name): return LayoutSource(OCILayout(path: directory), name: name)
    case .export(let export, let detail):
      return try ImportSource(
        try Self.importing(export, detail, making ?? .init()), cache: Self.cache, limits: limits,
        isCancelled: { Interruption.isRequested })
    }
  }

  private var isRootFSTar: Bool {
    if case .export(.rootFSTar, _) = self { return true }
    return false
  }

  private static func importing(
    _ export: Export, _ detail: String, _ making: RootFSTarImport.Options
  ) throws(ConfigurationError) -> any ImageImport {
    let (path, name) = try parts(export, detail)
    switch export {
    case .ociArchive: return OCIArchiveImport(file: path, name: name)
    case .dockerArchive: return DockerArchiveImport(file: path, reference: name)
    case .rootFSTar: return RootFSTarImport(file: path, options: making)
    case .runc, .rootFS, .lxc, .lxdImage, .nspawn:
      throw ConfigurationError(
        "\(export.rawValue):\(detail): images can be put there, but not be read from there: expected one of "
          + sources.joined(separator: ", "))
    }
  }

  /// The user's directory for what is on its way.
  private static var cache: String {
    let variables = ProcessInfo.processInfo.environment
    return variables["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? "\(variables["HOME"] ?? "/")/.cache"
  }

  /// - Parameters:
  ///   - limits: of what the layers of an image that is unpacked may have.
  ///   - note: is told what the user should know of the result.
  /// - Throws: `TransferError`
  func destination(
    _ client: RegistryClient, _ bundle: RuntimeBundle.Options, _ limits: UnpackLimits,
    note: @escaping @Sendable (String) -> Void
  ) throws -> any ImageDestination {
    switch self {
    case .registry(let reference): return RegistryDestination(try client.repository(reference, for: .push))
    case .layout(let directory, let name):
      return try LayoutDestination(OCILayout(path: directory), name: name)
    case .export(let export, let detail):
      let current = FileManager.default.currentDirectoryPath
      return try ExportDestination(
        try Self.export(export, detail, bundle),
        staging: StagingArea(for: "\(current) \(self)", cache: Self.cache), limits: limits,
        isCancelled: { Interruption.isRequested }, note: note)
    }
  }

  private static func export(
    _ export: Export, _ detail: String, _ bundle: RuntimeBundle.Options
  ) throws(ConfigurationError) -> any ImageExport {
    let (path, name) = try parts(export, detail)
    switch export {
    case .ociArchive: return OCIArchiveExport(file: path, name: name)
    case .dockerArchive: return DockerArchiveExport(file: path, reference: name)
    case .runc: return BundleExport(directory: path, options: bundle)
    case .rootFS: return RootFSExport(directory: path)
    case .rootFSTar: return RootFSTarExport(file: path)
    case .lxc: return LXCExport(path)
    case .lxdImage:
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return LXDImageExport(file: path, name: String(file.prefix { $0 != "." }))
    case .nspawn: return NspawnExport(path)
    }
  }

  private static func parts(
    _ export: Export, _ detail: String
  ) throws(ConfigurationError) -> (path: String, name: String?) {
    let (path, name): (String, String?)
    do {
      (path, name) = try split(detail, detail[...])
    } catch {
      throw ConfigurationError("\(error)")
    }
    if let name, export != .ociArchive, export != .dockerArchive {
      throw ConfigurationError(
        "\(export.rawValue):\(detail): \(name.quotedForMessage) has no meaning here: expected \(export.form)")
    }
    return (path, name)
  }
}
