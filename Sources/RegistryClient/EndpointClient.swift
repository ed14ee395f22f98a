import ContainerImage
import ImageTransfer
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Sends requests to one server: with what authorizes them, through redirects, and again when they failed for the
/// moment.
final class EndpointClient: Sendable {
  /// A request as its caller sees it.
  struct Call {
    var method = "GET"
    /// Below the API's address, such as `/hello/tags/list`; or the address itself where the server gave one.
    var target: Target
    var headers: [(name: String, value: String)] = []
    /// Made anew for each try.
    var body: () throws -> ClientRequest.Body = { .none }
    /// What a token has to allow.
    var scopes: [String]
    /// Whether it may be sent again when it is not known whether the server did it.
    var isRepeatable = true

    enum Target {
      case path(String, query: String? = nil)
      case url(ClientURL)
    }
  }

  let endpoint: RegistryEndpoint
  private let scheme: Mutex<RegistryEndpoint.Scheme>
  private let pool: ConnectionPool
  private let authorizer: Authorizer
  private let proxies: ProxySettings
  private let options: ClientOptions
  private let hasFailed = Mutex(false)
  private let referrers = Mutex<Bool?>(nil)

  convenience init(
    _ endpoint: RegistryEndpoint, pool: ConnectionPool, credentials: CredentialStore, proxies: ProxySettings,
    options: ClientOptions
  ) {
    self.init(
      endpoint, pool: pool, proxies: proxies, options: options,
      lookUp: {
        if let given = options.credentials { return given }
        guard let scope = endpoint.credentialScope else { return .anonymous }
        return try credentials.credentials(for: scope)
      })
  }

  /// - Parameter lookUp: called when the server asks for credentials.
  init(
    _ endpoint: RegistryEndpoint, pool: ConnectionPool, proxies: ProxySettings, options: ClientOptions,
    lookUp: @escaping @Sendable () throws -> Credentials
  ) {
    self.endpoint = endpoint
    self.pool = pool
    self.proxies = proxies
    self.options = options
    scheme = Mutex(options.usesPlainHTTP ? .http : endpoint.scheme)
    authorizer = Authorizer(lookUp: lookUp, fetch: { try pool.send($0) })
  }

  /// Whether the server could not be reached, however often that was tried.
  var isUnreachable: Bool { hasFailed.withLock { $0 } }

  /// Whether it has the API for referrers (end-12); nil as long as it was not asked.
  var hasReferrers: Bool? {
    get { referrers.withLock { $0 } }
    set { referrers.withLock { $0 = newValue } }
  }

  /// - Returns: the last response: a final one, or the last that asked for patience.
  /// - Throws: `ConnectionFailure`, `AuthenticationFailure`, `SettingsError`, and what the body's source throws
  func send(_ call: Call) throws -> ClientResponse {
    var failed = 0
    while true {
      let delay: Duration?
      let tried = scheme.withLock { $0 }
      try options.gate?.enter()
      let start = ContinuousClock.now
      do {
        let response = try sendOnce(call)
        let asked = response.head["retry-after"].flatMap { Int($0) }
        options.gate?.answered(
          status: response.head.status, retryAfter: asked, limits: RateLimitHeaders(response.head),
          since: start)
        guard RetryPolicy.isTemporary(response.head.status), call.isRepeatable else { return response }
        failed += 1
        guard let next = options.retries.delay(after: failed, retryAfter: asked) else { return response }
        response.discard()
        delay = next
      } catch let failure as ConnectionFailure {
        if fallsBack(after: failure, trying: tried) { continue }
        failed += 1
        let next = call.isRepeatable ? options.retries.delay(after: failed, retryAfter: nil) : nil
        if failure.kind == .network {
          options.gate?.failed(reason: failure.reason, since: start, isLast: next == nil)
        }
        guard failure.kind == .network, let next else {
          if failure.kind == .network { hasFailed.withLock { $0 = true } }
          throw failure
        }
        delay = next
      } catch let failure as AuthenticationFailure
        where RetryPolicy.isTemporary(failure.status) && call.isRepeatable
      {
        options.gate?.answered(
          status: failure.status, retryAfter: nil, limits: RateLimitHeaders(), since: start)
        failed += 1
        guard let next = options.retries.delay(after: failed, retryAfter: nil) else { throw failure }
        delay = next
      }
      if let delay { try options.wait(delay) }
    }
  }

  /// The address of something below the API's.
  func url(_ path: String, query: String? = nil) -> ClientURL {
    ClientURL(
      scheme: scheme.withLock { $0 }, host: endpoint.host, path: endpoint.apiPath + path,
      query: [query, endpoint.namespace.map { "ns=\($0.percentEncoded)" }].compactMap { $0 }
        .joined(separator: "&").nonEmpty)
  }

  private func sendOnce(_ call: Call) throws -> ClientResponse {
    var method = call.method
    var url: ClientURL
    switch call.target {
    case .path(let path, let query): url = self.url(path, query: query)
    case .url(let given): url = given
    }
    let origin = self.url("")
    var answered = 0
    var redirections = Redirections(from: origin)
    while true {
      let isOwn = url.hasOrigin(of: origin)
      var request = ClientRequest(
        method: method, url: url, headers: call.headers, settings: settings(for: url))
      request.headers.append(("User-Agent", options.userAgent))
      let authorization = isOwn ? authorizer.authorization(for: call.scopes) : nil
      if let authorization { request.headers.append(("Authorization", authorization.exposed)) }
      if isOwn { request.headers += endpoint.headers.map { ($0.name, $0.value.exposed) } }
      if method == call.method { request.body = try call.body() }
      let response = try pool.send(request)
      switch response.head.status {
      case 401 where isOwn && answered < 2:
        answered += 1
        let challenges = AuthenticationChallenge.parse(response.head.all("www-authenticate"))
        let mayWork = try authorizer.answer(
          challenges, rejected: authorization, scopes: call.scopes, from: url,
          settings: { settings(for: $0) })
        guard mayWork else { return response }
        response.discard()
      default:
        guard let next = try redirections.next(after: response, from: url) else { return response }
        if response.head.status == 303, method != "HEAD" { method = "GET" }
        response.discard()
        url = next
      }
    }
  }

  /// The server's own certificates are for itself alone.
  private func settings(for url: ClientURL) -> ConnectionSettings {
    var settings = ConnectionSettings()
    if url.host.name.lowercased() == endpoint.host.name.lowercased(), url.port == self.url("").port {
      settings.certificates = endpoint.certificates
      settings.skipsVerification = endpoint.skipsVerification || options.skipsVerification
    }
    settings.certificates.authorities += options.authorities
    settings.detours = options.detours
    settings.longestSilence = options.longestSilence
    settings.proxy = proxies.proxy(scheme: url.scheme, host: url.host.name, port: url.port)
    return settings
  }

  /// Goes on without TLS where that is allowed and the server does not speak it.
  private func fallsBack(after failure: ConnectionFailure, trying tried: RegistryEndpoint.Scheme) -> Bool {
    let hasNoTLS = failure.kind == .noTLS || (failure.kind == .network && endpoint.host.port == nil)
    let isAllowed = endpoint.fallsBackToHTTP || options.skipsVerification
    guard tried == .https, isAllowed, hasNoTLS else { return false }
    scheme.withLock { $0 = .http }
    return true
  }
}

extension String {
  fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
