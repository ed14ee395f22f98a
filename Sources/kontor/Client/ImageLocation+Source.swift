import Archive
import ImageTransfer
import RegistryClient
import Runtimes

extension ImageLocation {
  /// - Parameters:
  ///   - limits: of what an archive may have.
  ///   - making: of what a root file system is made into an image; nil for what that says by itself.
  ///   - finding: how App Container images are found; nil where they are not.
  /// - Throws: `TransferError`, `ConfigurationError` if this is no place to read an image from.
  func source(
    _ client: RegistryClient, _ limits: UnpackLimits = UnpackLimits(), making: RootFSTarImport.Options? = nil,
    finding: AppContainerFinding? = nil
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
    case .archive(let file, let name):
      return TransferArchiveSource(try TransferArchive(file: file, limits: limits), named: name)
    case .export(.directory, let detail):
      return DirectorySource(directory: try Self.parts(.directory, detail).path)
    case .export(.aci, let detail):
      let file = try Self.parts(.aci, detail).path
      return try Self.imported(ACIImport(file: file, signatureFile: finding?.signature), limits)
    case .export(let export, let detail):
      return try Self.imported(try Self.importing(export, detail, making ?? .init()), limits)
    case .discovered(let name):
      guard let finding else {
        throw ConfigurationError(
          "\(self) is found by 'kontor aci discover', 'kontor pull' and 'kontor copy' only")
      }
      return try Self.imported(try DiscoveredACIImport(name, finding), limits)
    case .engine(let engine, let reference, let written):
      switch engine {
      case .docker: return try Self.imported(try DockerDaemonImport(reference, Self.engines), limits)
      case .containerd: return try Self.imported(ContainerdImport(reference, Self.engines), limits)
      case .podman: return try Self.imported(PodmanImport(written, Self.engines), limits)
      }
    }
  }

  private static func imported(
    _ importing: any ImageImport, _ limits: UnpackLimits
  ) throws -> any ImageSource {
    try ImportSource(importing, cache: cache, limits: limits, isCancelled: { Interruption.isRequested })
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
    case .directory, .runc, .rootFS, .lxc, .lxdImage, .nspawn, .aci:
      throw ConfigurationError(
        "\(export.rawValue):\(detail): images can be put there, but not be read from there: expected one of "
          + sources.joined(separator: ", "))
    }
  }
}
