import Access
import FoundationEssentials
import HTTPServer
import Registry

#if canImport(Glibc)
  import Glibc
#endif

extension Settings {
  /// Who is known may do everything, and nobody else anything.
  private static let ruleOfNone =
    #"{"rules": [{"repositories": ["**"], "who": ["authenticated"], "actions": ["pull", "push", "delete", "sign", "admin"]}]}"#

  /// - Parameter addresses: that the registry listens on.
  /// - Returns: nil if nobody is asked who he is.
  /// - Throws: `ConfigurationError` for a file that cannot be used.
  func access(at addresses: [ListenAddress]) throws(ConfigurationError) -> AccessControl.Configuration? {
    guard asksWho else { return nil }
    do {
      let rules = try accessRules.map { try Self.contents($0) } ?? Array(Self.ruleOfNone.utf8)
      let service = accessService ?? trustName(at: addresses)
      var configuration = AccessControl.Configuration(
        rules: try AccessRules(parsing: rules, what: accessRules ?? "the default rules"), service: service)
      configuration.passwords = try accessHtpasswd.map {
        try PasswordFile(parsing: try Self.contents($0), what: $0)
      }
      configuration.tokenLifetime = accessTokenLifetime
      if let accessTokenKeys, let accessTokenIssuer {
        configuration.issuer = TokenVerifier(
          keys: try TokenKey.keys(parsing: try Self.contents(accessTokenKeys), what: accessTokenKeys),
          issuer: accessTokenIssuer, audience: service)
      }
      return configuration
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  private static func contents(_ path: String) throws(ConfigurationError) -> [UInt8] {
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw ConfigurationError("\(path) cannot be read: is it there, and may this user read it?")
    }
  }
}

/// The files of rules, users and keys, to see when one of them is another.
struct AccessFiles {
  private struct State: Equatable {
    let inode: ino_t
    let size: off_t
    let seconds: Int
    let nanoseconds: Int
  }

  private let paths: [String]
  private var states: [State?]

  init(_ settings: Settings) {
    paths = [settings.accessRules, settings.accessHtpasswd, settings.accessTokenKeys].compactMap { $0 }
    states = paths.map(Self.state)
  }

  /// Since the last call.
  mutating func haveChanged() -> Bool {
    let now = paths.map(Self.state)
    defer { states = now }
    return now != states
  }

  private static func state(_ path: String) -> State? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return State(
      inode: status.st_ino, size: status.st_size, seconds: status.st_mtim.tv_sec,
      nanoseconds: status.st_mtim.tv_nsec)
  }
}
