import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// Where an image is or goes, as it is written on the command line: `transport:detail`, with skopeo's names. What has no
/// transport is a reference of a registry.
enum ImageLocation: Equatable, CustomStringConvertible {
  /// `docker://REFERENCE`
  case registry(ImageReference)
  /// `oci:DIR[:NAME]`
  case layout(directory: String, name: String?)

  static let transports = ["docker://REFERENCE", "oci:DIR[:NAME]"]

  /// - Throws: `ConfigurationError`
  init(parsing text: String) throws(ConfigurationError) {
    do throws(InvalidValue) {
      if text.hasPrefix("docker://") {
        self = .registry(try ImageReference(parsing: String(text.dropFirst(9))))
      } else if text.hasPrefix("oci:") {
        self = try Self.layout(text.dropFirst(4))
      } else if let other = Self.otherTransport(text) {
        throw .malformed(
          "\(text.quotedForMessage): the transport \(other) is not known: expected one of "
            + Self.transports.joined(separator: ", "))
      } else {
        self = .registry(try ImageReference(parsing: text))
      }
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  private static func layout(_ detail: Substring) throws(InvalidValue) -> ImageLocation {
    // As in skopeo, a directory's name has no colon.
    let parts = detail.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let directory = parts.first, !directory.isEmpty else {
      throw .malformed("oci:\(detail) has no directory: expected oci:DIR or oci:DIR:NAME")
    }
    let name = parts.count > 1 ? String(parts[1]) : nil
    if let name, name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
      throw .malformed("oci:\(detail) has no valid name: expected oci:DIR or oci:DIR:NAME")
    }
    return .layout(directory: String(directory), name: name)
  }

  /// The transport of another tool's, which would make an odd reference.
  private static func otherTransport(_ text: String) -> Substring? {
    let known = [
      "dir", "docker-archive", "docker-daemon", "containers-storage", "oci-archive", "ostree", "sif",
      "tarball",
      "containerd", "podman", "runc", "rootfs", "rootfs-tar", "lxc", "lxd-image", "nspawn", "aci",
    ]
    let name = text.prefix { $0 != ":" }
    return known.contains { $0 == name } && name.endIndex != text.endIndex ? name : nil
  }

  var description: String {
    switch self {
    case .registry(let reference): "docker://\(reference)"
    case .layout(let directory, let name): "oci:\(directory)" + (name.map { ":\($0)" } ?? "")
    }
  }

  /// - Throws: `TransferError`
  func source(_ client: RegistryClient) throws -> any ImageSource {
    switch self {
    case .registry(let reference): RegistrySource(try client.repository(reference, for: .pull(reference)))
    case .layout(let directory, let name): LayoutSource(OCILayout(path: directory), name: name)
    }
  }

  /// - Throws: `TransferError`
  func destination(_ client: RegistryClient) throws -> any ImageDestination {
    switch self {
    case .registry(let reference): RegistryDestination(try client.repository(reference, for: .push))
    case .layout(let directory, let name): try LayoutDestination(OCILayout(path: directory), name: name)
    }
  }
}
