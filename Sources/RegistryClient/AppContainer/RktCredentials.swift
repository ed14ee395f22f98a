import FoundationEssentials

/// What rkt's configuration says to show to which host (rkt, Documentation/configuration.md, "rktKind: auth"): files
/// `*.json` in `/usr/lib/rkt/auth.d`, `/etc/rkt/auth.d`, and, for this user alone, `rkt/auth.d` below `$XDG_CONFIG_HOME` or
/// `~/.config`. Each directory overrides those before it, domain by domain.
struct RktCredentials: Sendable {
  private enum Entry: Sendable {
    case header(Secret)
    /// Of a type that is not supported.
    case other(type: String, path: String)
  }

  /// By host, with a port if the file has one.
  private var entries: [String: Entry] = [:]

  /// - Throws: `SettingsError`
  init(_ environment: UserEnvironment) throws(SettingsError) {
    let directories = [
      environment.machine("/usr/lib/rkt"), environment.machine("/etc/rkt"),
      environment.configurationHome + "/rkt",
    ]
    for directory in directories.map({ $0 + "/auth.d" }) {
      entries.merge(try Self.read(directory)) { $1 }
    }
  }

  /// The `Authorization` header for a server; nil for none.
  /// - Throws: `SettingsError.malformed` if it wants credentials of a type that is not supported.
  func authorization(for url: ClientURL) throws(SettingsError) -> Secret? {
    let host = url.host.description.lowercased()
    let withPort = "\(url.host.name.lowercased()):\(url.port)"
    switch entries[host] ?? entries[withPort] {
    case nil: return nil
    case .header(let header)?: return header
    case .other(let type, let path)?:
      throw .malformed(
        path: path, reason: "the type \(type.quotedForMessage) is not supported: expected basic or oauth")
    }
  }

  private struct Document: Decodable {
    struct Credentials: Decodable {
      var user: String?
      var password: String?
      var token: String?
    }
    var rktKind: String
    var rktVersion: String
    var domains: [String]?
    var type: String?
    var credentials: Credentials?
  }

  private static func read(_ directory: String) throws(SettingsError) -> [String: Entry] {
    var entries: [String: Entry] = [:]
    for name in try SettingsFile.names(in: directory) ?? [] where name.hasSuffix(".json") {
      let path = "\(directory)/\(name)"
      guard let bytes = try SettingsFile.read(path) else { continue }
      guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)) else {
        throw .malformed(path: path, reason: "expected a JSON object with rktKind and rktVersion")
      }
      // Credentials for registries are in files of the same directory.
      guard document.rktKind == "auth" else { continue }
      guard document.rktVersion == "v1" else {
        throw .malformed(
          path: path,
          reason: "the rktVersion \(document.rktVersion.quotedForMessage) is not known: expected v1")
      }
      guard let domains = document.domains, !domains.isEmpty else {
        throw .malformed(path: path, reason: "it has no domains")
      }
      let entry = try entry(document, path)
      for domain in domains {
        guard entries.updateValue(entry, forKey: domain.lowercased()) == nil else {
          throw .malformed(
            path: path, reason: "another file of this directory has the domain \(domain.quotedForMessage) too"
          )
        }
      }
    }
    return entries
  }

  private static func entry(_ document: Document, _ path: String) throws(SettingsError) -> Entry {
    switch document.type {
    case "basic":
      guard let user = document.credentials?.user, let password = document.credentials?.password,
        !user.isEmpty,
        !password.isEmpty
      else { throw .malformed(path: path, reason: "expected credentials with user and password") }
      return .header(Secret("Basic " + Data("\(user):\(password)".utf8).base64EncodedString()))
    case "oauth":
      guard let token = document.credentials?.token, !token.isEmpty else {
        throw .malformed(path: path, reason: "expected credentials with a token")
      }
      return .header(Secret("Bearer \(token)"))
    case let type: return .other(type: type ?? "", path: path)
    }
  }
}
