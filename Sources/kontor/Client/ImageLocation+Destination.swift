import AppContainer
import Archive
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes

extension ImageLocation {
  /// - Parameters:
  ///   - limits: of what the layers of an image that is unpacked may have.
  ///   - origin: what an App Container image that is made is named.
  ///   - note: is told what the user should know of the result.
  /// - Throws: `TransferError`
  func destination(
    _ client: RegistryClient, _ bundle: RuntimeBundle.Options, _ limits: UnpackLimits,
    origin: () throws -> ImageOrigin, note: @escaping @Sendable (String) -> Void
  ) throws -> any ImageDestination {
    switch self {
    case .registry(let reference): return RegistryDestination(try client.repository(reference, for: .push))
    case .layout(let directory, let name):
      return try LayoutDestination(OCILayout(path: directory), name: name)
    case .archive:
      throw ConfigurationError("\(self): an archive is made by 'kontor copy' and 'kontor pull' alone")
    case .export(let export, let detail):
      return try exported(try Self.export(export, detail, bundle, origin), limits, note)
    case .discovered:
      throw ConfigurationError("\(self): images are found there, but cannot be put there: use aci:FILE")
    case .engine(let engine, let reference, let written):
      guard reference.digest == nil else {
        throw ConfigurationError("\(self): an image gets a name and a tag there: leave out the digest")
      }
      switch engine {
      case .docker: return try exported(try DockerDaemonExport(reference, Self.engines), limits, note)
      case .containerd: return try exported(ContainerdExport(reference, Self.engines), limits, note)
      case .podman: return try exported(PodmanExport(written, Self.engines), limits, note)
      }
    }
  }

  private func exported(
    _ export: any ImageExport, _ limits: UnpackLimits, _ note: @escaping @Sendable (String) -> Void
  ) throws -> any ImageDestination {
    let current = FileManager.default.currentDirectoryPath
    return try ExportDestination(
      export, staging: StagingArea(for: "\(current) \(self)", cache: Self.cache), limits: limits,
      isCancelled: { Interruption.isRequested }, note: note)
  }

  private static func export(
    _ export: Export, _ detail: String, _ bundle: RuntimeBundle.Options, _ origin: () throws -> ImageOrigin
  ) throws -> any ImageExport {
    let (path, name) = try parts(export, detail)
    switch export {
    case .ociArchive: return OCIArchiveExport(file: path, name: name)
    case .dockerArchive: return DockerArchiveExport(file: path, reference: name)
    case .directory: return DirectoryExport(directory: path)
    case .runc: return BundleExport(directory: path, options: bundle)
    case .rootFS: return RootFSExport(directory: path)
    case .rootFSTar: return RootFSTarExport(file: path)
    case .lxc: return LXCExport(path)
    case .lxdImage:
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return LXDImageExport(file: path, name: String(file.prefix { $0 != "." }))
    case .nspawn: return NspawnExport(path)
    case .aci: return ACIExport(file: path, origin: try origin())
    }
  }

  /// The user's directory for what is on its way.
  static var cache: String {
    variables["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? "\(variables["HOME"] ?? "/")/.cache"
  }

  /// Container engines are found as their own clients find them.
  static var engines: EngineEnvironment {
    EngineEnvironment(variables: variables, isCancelled: { Interruption.isRequested })
  }

  private static var variables: [String: String] { ProcessInfo.processInfo.environment }
}
