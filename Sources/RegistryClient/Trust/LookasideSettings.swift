import ContainerImage
import ImageTransfer
import Trust
import Yams

/// Where simple signatures of images in registries are that keep none themselves (containers/image,
/// docs/containers-registries.d.5.md). `use-sigstore-attachments` is not looked at: they are found wherever they are.
struct LookasideSettings: Sendable {
  /// Addresses of directories, `file://…` or `http(s)://…`.
  struct Places: Sendable, Hashable {
    var reading: String
    var writing: String
  }

  /// What one scope says.
  private struct Scope: Sendable {
    let lookaside: String?
    let staging: String?

    var places: Places? {
      guard let writing = staging ?? lookaside else { return nil }
      return Places(reading: lookaside ?? "", writing: writing)
    }
  }

  private var scopes: [String: Scope] = [:]
  private var fallback: Scope?
  private let standard: String

  /// Of the user's directory if there is one, else of the machine's: never of both.
  init(_ environment: UserEnvironment) throws(SettingsError) {
    standard =
      environment.userID == 0
      ? environment.machine("/var/lib/containers/sigstore")
      : environment.home + "/.local/share/containers/sigstore"
    let own = environment.home + "/.config/containers/registries.d"
    let directory = SettingsFile.exists(own) ? own : environment.machine("/etc/containers/registries.d")
    for name in try SettingsFile.names(in: directory) ?? [] where name.hasSuffix(".yaml") {
      try add("\(directory)/\(name)")
    }
  }

  /// The narrowest scope that names a place counts; without any it is the directory that skopeo and Podman take.
  func places(for reference: ImageReference) -> Places {
    let found = PolicyPlace.registry(reference).scopes.compactMap { scopes[$0]?.places }.first
    return found ?? fallback?.places ?? Places(reading: "file://\(standard)", writing: "file://\(standard)")
  }

  private mutating func add(_ path: String) throws(SettingsError) {
    guard let text = try SettingsFile.text(path) else { return }
    let document: Node?
    do { document = try Yams.compose(yaml: text) } catch {
      throw .malformed(path: path, reason: "it is no YAML: \(error)")
    }
    guard let document, document.null == nil else { return }
    guard let members = document.mapping else { throw .malformed(path: path, reason: "expected a mapping") }
    for (key, value) in members {
      switch key.string {
      case "default-docker":
        guard fallback == nil else { throw .malformed(path: path, reason: "default-docker is there twice") }
        fallback = try Self.scope(value, "default-docker", path)
      case "docker":
        if value.null != nil { continue }
        guard let table = value.mapping else {
          throw .malformed(path: path, reason: "docker: expected a mapping of scopes")
        }
        for (name, value) in table {
          let name = name.string ?? ""
          guard scopes[name] == nil else {
            throw .malformed(path: path, reason: "docker: \(name.quotedForMessage) is there twice")
          }
          scopes[name] = try Self.scope(value, "docker: \(name.quotedForMessage)", path)
        }
      default: continue
      }
    }
  }

  /// `sigstore` is the older name of `lookaside`.
  private static func scope(
    _ node: Node, _ place: String, _ path: String
  ) throws(SettingsError) -> Scope {
    if node.null != nil { return Scope(lookaside: nil, staging: nil) }
    guard node.mapping != nil else { throw .malformed(path: path, reason: "\(place): expected a mapping") }
    func address(_ names: String...) throws(SettingsError) -> String? {
      for name in names {
        guard let text = node[name]?.string, !text.isEmpty else { continue }
        guard text.hasPrefix("file:///") || ClientURL(text) != nil else {
          throw .malformed(
            path: path,
            reason: "\(place): \(name) is \(text.quotedForMessage): "
              + "expected file:///PATH or http(s)://HOST/PATH")
        }
        return text
      }
      return nil
    }
    return Scope(
      lookaside: try address("lookaside", "sigstore"),
      staging: try address("lookaside-staging", "sigstore-staging"))
  }
}
