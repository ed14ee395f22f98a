import Access
import ContainerImage
import Crypto
import FoundationEssentials
import LDAP
import Logging
import Storage
import Synchronization
import Trust

/// Finds out who sends a request, and gives tokens to those who may have some.
///
/// What was verified is remembered for a while, a password by its hash alone, and no longer than until a user, a token or a rule changes.
public final class AccessControl: Sendable {
  public struct Configuration: Sendable {
    public var rules: AccessRules
    /// Users beside those in the database, who have precedence.
    public var passwords: PasswordFile?
    /// Users who are neither there nor in the database.
    public var directory: LDAPDirectory?
    /// What the registry is called in tokens, as their issuer and their audience.
    public var service: String
    /// Who issues tokens; nil for this registry itself.
    public var issuer: Issuer?
    /// Jobs of other systems, by those systems' ID tokens.
    public var workloads: WorkloadRules?
    /// Of tokens that are issued here for a password, or for another token in its place.
    public var tokenLifetime = Duration.seconds(300)
    /// Of tokens that are issued here in exchange for ID tokens.
    public var exchangedTokenLifetime = Duration.seconds(3600)
    /// For so long a refresh token may be used.
    public var refreshLifetime = Duration.seconds(30 * 24 * 3600)
    /// After so long tokens are signed by another key.
    public var keyLifetime = Duration.seconds(30 * 24 * 3600)

    public init(rules: AccessRules, service: String) {
      self.rules = rules
      self.service = service
    }

    /// Seconds.
    var longestTokenLife: Int64 { max(tokenLifetime, exchangedTokenLifetime).components.seconds }
  }

  /// Who issues tokens instead of this registry.
  public struct Issuer: Sendable {
    /// What `iss` has to be.
    public let name: String
    public let keys: [TokenKey]

    public init(name: String, keys: [TokenKey]) {
      self.name = name
      self.keys = keys
    }
  }

  /// What came in the header `Authorization`.
  public enum Credentials: Sendable {
    case basic(user: String, password: String)
    case bearer(String)
  }

  public enum Login: Sendable {
    case caller(Caller)
    /// The reason is for whoever sent them.
    case refused(String)
    /// After too many wrong passwords; in seconds.
    case locked(Int)
  }

  private struct State {
    var configuration: Configuration
    /// Rises with every change of who may do what.
    var changes: UInt64 = 0
    var anonymous: Caller
    /// By tokens, which end soon.
    var tokens: [String: Known] = [:]
    /// By what passwords were hashed to: they are not kept, nor anything that they could be guessed from.
    var passwords: [SHA256Digest: Known] = [:]
    /// By certificates in DER.
    var certificates: [[UInt8]: Caller] = [:]

    init(_ configuration: Configuration) {
      self.configuration = configuration
      anonymous = Caller(.anonymous, rules: configuration.rules)
    }

    mutating func forget() {
      changes += 1
      anonymous = Caller(.anonymous, rules: configuration.rules)
      (tokens, passwords, certificates) = ([:], [:], [:])
    }
  }

  private struct Known {
    let caller: Caller
    /// In seconds since 1970.
    let until: Int64
  }

  /// Of callers that are remembered; beyond, memory starts anew.
  private static let mostKnown = 10_000
  /// Seconds for which a password or a token is not verified again.
  static let rememberedFor: Int64 = 300

  let store: ContentStore
  let logger: Logger
  let attempts: LoginAttempts
  let issuing: TokenIssuing
  let issuerKeys: IssuerKeys
  private let state: Mutex<State>
  private let guessing = KeyedLock<String>()
  private let secret = SymmetricKey(size: .bits256)

  /// - Parameter fetch: gets what is at an address of the web, at most so many bytes, and blocks nobody; throws in words for an
  ///   operator.
  public init(
    _ configuration: Configuration, store: ContentStore, logger: Logger,
    fetch: @escaping @Sendable (_ address: String, _ limit: Int) async throws -> [UInt8]
  ) {
    state = Mutex(State(configuration))
    self.store = store
    self.logger = logger
    attempts = LoginAttempts()
    issuing = TokenIssuing(store: store)
    issuerKeys = IssuerKeys(fetch: fetch, logger: logger)
  }

  public var configuration: Configuration { state.withLock(\.configuration) }

  /// Goes by other rules from now on.
  public func replace(_ configuration: Configuration) {
    state.withLock { state in
      state.configuration = configuration
      state.forget()
    }
  }

  /// Is called something else in tokens from now on.
  public func rename(service: String) {
    state.withLock { state in
      state.configuration.service = service
      state.forget()
    }
  }

  /// Has to be called after users or tokens were changed.
  public func changed() { state.withLock { $0.forget() } }

  /// Whoever says nothing of himself.
  public var anonymous: Caller { state.withLock(\.anonymous) }

  /// Whoever shows a certificate and says nothing else of himself; may run on an event loop.
  /// - Parameter der: of a certificate that was verified.
  /// - Returns: nil if it has not one common name.
  public func caller(showing der: [UInt8]) -> Caller? {
    if let known = state.withLock({ $0.certificates[der] }) { return known }
    guard let name = CertificateHolder.commonName(of: der) else { return nil }
    return state.withLock { state in
      let caller = Caller(Identity(kind: .certificate, name: name), rules: state.configuration.rules)
      if state.certificates.count >= Self.mostKnown { state.certificates = [:] }
      state.certificates[der] = caller
      return caller
    }
  }

  /// Who sends these, if that was found out a moment ago; may run on an event loop.
  /// - Parameter header: the whole value of `Authorization`.
  public func known(_ header: String, at time: Int64) -> Caller? {
    let key = key(of: header)
    return state.withLock { state in
      let known = key.map { state.passwords[$0] } ?? state.tokens[header]
      guard let known, known.until > time else { return nil }
      return known.caller
    }
  }

  /// Finds out who sends these. Takes as long for users that there are not, whether they would be here or in a directory.
  /// - Parameters:
  ///   - header: the whole value of `Authorization`, by which the caller is remembered.
  ///   - address: of the client.
  public func login(
    _ credentials: Credentials, header: String, from address: String, at time: Date
  ) async throws -> Login {
    let seconds = Int64(time.timeIntervalSince1970)
    switch credentials {
    case .basic(let user, let password):
      // One after the other: many guesses at the same time would all be made before the first one is counted, and many requests
      // with the right password need it verified once.
      return try await guessing.withLock("\(address) \(Self.guessed(user))") { [self] in
        if let caller = known(header, at: seconds) { return .caller(caller) }
        return try await remembering(header, at: seconds) { configuration in
          try await login(user, password, from: address, at: time, configuration)
        }
      }
    case .bearer(let token):
      return try await remembering(header, at: seconds) { configuration in
        if let token = APIToken(parsing: token) { return try await login(token, at: time) }
        return try await login(bearer: token, at: time, configuration)
      }
    }
  }

  /// - Parameter body: also returns until when, in seconds since 1970, what it found counts.
  private func remembering(
    _ header: String, at time: Int64, _ body: (Configuration) async throws -> (Login, until: Int64)
  ) async throws -> Login {
    let (configuration, changes) = state.withLock { ($0.configuration, $0.changes) }
    let (login, until) = try await body(configuration)
    guard case .caller(let caller) = login else { return login }
    let key = key(of: header)
    state.withLock { state in
      // What was changed meanwhile may say something else.
      guard state.changes == changes else { return }
      if state.tokens.count + state.passwords.count >= Self.mostKnown {
        (state.tokens, state.passwords) = ([:], [:])
      }
      let known = Known(caller: caller, until: min(until, time + Self.rememberedFor))
      if let key { state.passwords[key] = known } else { state.tokens[header] = known }
    }
    return login
  }

  /// - Returns: nil for a token.
  private func key(of header: String) -> SHA256Digest? {
    if header.utf8.starts(with: "Bearer ".utf8) { return nil }
    var hash = SHA256()
    secret.withUnsafeBytes { hash.update(bufferPointer: $0) }
    var header = header
    header.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    return hash.finalize()
  }
}
