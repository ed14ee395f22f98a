import AppContainer
import ContainerImage

/// Where an image is or goes, as it is written on the command line: `transport:detail`, with skopeo's names where it has
/// them. What has no transport is a reference of a registry.
enum ImageLocation: Equatable, CustomStringConvertible {
  case registry(ImageReference)
  case layout(directory: String, name: String?)
  /// An archive of any number of images; no name means the only one, or all.
  case archive(file: String, name: String?)
  case export(Export, String)
  /// - Parameter written: the reference in the user's words.
  case engine(Engine, ImageReference, written: String)
  /// An App Container image, to be found by its name.
  case discovered(ACImageName)

  /// Places that an image is made into. Some are read from as well.
  enum Export: String, CaseIterable {
    case ociArchive = "oci-archive"
    case dockerArchive = "docker-archive"
    case directory = "dir"
    case runc
    case rootFS = "rootfs"
    case rootFSTar = "rootfs-tar"
    case lxc
    case lxdImage = "lxd-image"
    case nspawn
    case aci

    var form: String {
      switch self {
      case .ociArchive: "oci-archive:FILE[:NAME]"
      case .dockerArchive: "docker-archive:FILE[:NAME:TAG]"
      case .directory: "dir:DIR"
      case .runc: "runc:DIR"
      case .rootFS: "rootfs:DIR"
      case .rootFSTar: "rootfs-tar:FILE"
      case .lxc: "lxc:NAME"
      case .lxdImage: "lxd-image:FILE"
      case .nspawn: "nspawn:NAME"
      case .aci: "aci:FILE"
      }
    }
  }

  /// Container engines of this machine, with images of their own.
  enum Engine: String, CaseIterable {
    case docker = "docker-daemon"
    case containerd
    case podman

    var form: String { self == .docker ? "docker-daemon:NAME[:TAG]" : "\(rawValue):REFERENCE" }
  }

  private static let stores = ["docker://REFERENCE", "oci:DIR[:NAME]"] + Engine.allCases.map(\.form)
  static let sources =
    stores + [
      "archive:FILE[:NAME]", Export.ociArchive.form, "docker-archive:FILE[:NAME[:TAG]|:@NUMBER]",
      Export.directory.form,
      Export.rootFSTar.form, Export.aci.form, "aci://NAME[:VERSION][,LABEL=VALUE…]",
    ]
  static let destinations = stores + ["archive:FILE"] + Export.allCases.map(\.form)

  /// Whether the text begins with a transport, of this program or another, that is no registry's.
  static func namesTransport(_ text: String) -> Bool {
    let transport = String(text.prefix { $0 != ":" })
    guard transport.count < text.count else { return false }
    return text.hasPrefix("aci://") || ["oci", archive].contains(transport)
      || Export(rawValue: transport) != nil
      || Engine(rawValue: transport) != nil || ofOthers.contains(transport)
  }

  private static let archive = "archive"

  /// - Throws: `ConfigurationError`
  init(parsing text: String) throws(ConfigurationError) {
    do throws(InvalidValue) {
      let transport = text.prefix { $0 != ":" }
      let detail = text.dropFirst(transport.count + 1)
      if text.hasPrefix("docker://") {
        self = .registry(try ImageReference(parsing: String(text.dropFirst(9))))
      } else if text.hasPrefix("aci://") {
        self = .discovered(try Self.discovered(String(text.dropFirst(6))))
      } else if transport.endIndex == text.endIndex {
        self = .registry(try ImageReference(parsing: text))
      } else if transport == "oci" {
        let (directory, name) = try Self.split(text, detail)
        self = .layout(directory: directory, name: name)
      } else if transport == Self.archive {
        let (file, name) = try Self.split(text, detail)
        self = .archive(file: file, name: name)
      } else if let export = Export(rawValue: String(transport)) {
        _ = try Self.split(text, detail)
        self = .export(export, String(detail))
      } else if let engine = Engine(rawValue: String(transport)) {
        self = .engine(engine, try ImageReference(parsing: String(detail)), written: String(detail))
      } else if Self.ofOthers.contains(String(transport)) {
        throw .malformed(
          "\(text.quotedForMessage): the transport \(transport) is not known: "
            + (transport == "containers-storage"
              ? "podman's images are podman:REFERENCE"
              : "expected one of " + Self.destinations.joined(separator: ", ")))
      } else {
        self = .registry(try ImageReference(parsing: text))
      }
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  /// Transports of other tools, which would make odd references.
  private static let ofOthers: Set<String> = [
    "containers-storage", "ostree", "sif", "tarball",
  ]

  private static func discovered(_ text: String) throws(InvalidValue) -> ACImageName {
    do {
      return try ACImageName(parsing: text)
    } catch {
      throw .malformed("\(error)")
    }
  }

  /// A path and the name behind it. As in skopeo, a path has no colon.
  static func split(_ text: String, _ detail: Substring) throws(InvalidValue) -> (String, String?) {
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

  /// Whether what is there is an App Container image.
  var isAppContainer: Bool {
    switch self {
    case .export(.aci, _), .discovered: true
    case .registry, .layout, .archive, .export, .engine: false
    }
  }

  var description: String {
    switch self {
    case .registry(let reference): "docker://\(reference)"
    case .layout(let directory, let name): "oci:\(directory)" + (name.map { ":\($0)" } ?? "")
    case .archive(let file, let name): "archive:\(file)" + (name.map { ":\($0)" } ?? "")
    case .export(let export, let detail): "\(export.rawValue):\(detail)"
    case .engine(let engine, _, let written): "\(engine.rawValue):\(written)"
    case .discovered(let name): "aci://\(name)"
    }
  }

  /// A path of an export, and the name behind it where that has a meaning.
  static func parts(
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
