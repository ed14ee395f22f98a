import ImageTransfer

/// Gets what is at addresses of the web, perhaps with rkt's credentials for their hosts, through redirects, and again when that failed
/// for the moment.
final class WebClient: Sendable {
  private let pool: ConnectionPool
  private let proxies: ProxySettings
  private let certificates: CertificateDirectories
  private let credentials: RktCredentials?
  let options: ClientOptions

  /// - Parameter usesCredentials: rkt's.
  /// - Throws: `SettingsError`
  init(
    _ environment: UserEnvironment, options: ClientOptions, usesCredentials: Bool = true
  ) throws(SettingsError) {
    self.options = options
    pool = ConnectionPool(isCancelled: options.isCancelled)
    proxies = ProxySettings(environment)
    certificates = CertificateDirectories(environment)
    credentials = usesCredentials ? try RktCredentials(environment) : nil
  }

  /// Whether what comes without TLS may be used.
  var takesHTTP: Bool { options.usesPlainHTTP || options.skipsVerification }

  /// An address that may be asked.
  /// - Returns: nil for another scheme than HTTP's, and for HTTP without TLS unless the user allowed it.
  func url(_ text: String) -> ClientURL? {
    guard let url = ClientURL(text), url.scheme == .https || takesHTTP else { return nil }
    return url
  }

  /// - Parameters:
  ///   - method: GET or HEAD.
  ///   - attempts: to make at most; nil for as many as the options say.
  /// - Returns: a response that is no redirect.
  /// - Throws: `ConnectionFailure`, `SettingsError`
  func get(
    _ url: ClientURL, method: String = "GET", headers: [(name: String, value: String)] = [],
    attempts: Int? = nil
  ) throws -> ClientResponse {
    var retries = options.retries
    if let attempts { retries.attempts = attempts }
    var failed = 0
    while true {
      let delay: Duration
      do {
        let response = try follow(url, method, headers)
        guard RetryPolicy.isTemporary(response.head.status) else { return response }
        failed += 1
        let asked = response.head["retry-after"].flatMap { Int($0) }
        guard let next = retries.delay(after: failed, retryAfter: asked) else { return response }
        response.discard()
        delay = next
      } catch let failure as ConnectionFailure where failure.kind == .network {
        failed += 1
        guard let next = retries.delay(after: failed, retryAfter: nil) else { throw failure }
        delay = next
      }
      try options.wait(delay)
    }
  }

  private func follow(
    _ start: ClientURL, _ method: String, _ headers: [(name: String, value: String)]
  ) throws -> ClientResponse {
    var url = start
    var redirections = Redirections(from: start)
    while true {
      var request = ClientRequest(
        method: method, url: url, headers: headers, settings: try settings(for: url))
      request.headers.append(("User-Agent", options.userAgent))
      // Looked up for the host that is asked, whoever named it: one host's never go to another.
      if let authorization = try credentials?.authorization(for: url) {
        request.headers.append(("Authorization", authorization.exposed))
      }
      let response = try pool.send(request)
      guard let next = try redirections.next(after: response, from: url) else { return response }
      response.discard()
      url = next
    }
  }

  private func settings(for url: ClientURL) throws(SettingsError) -> ConnectionSettings {
    var settings = ConnectionSettings()
    settings.certificates = try certificates.certificates(for: url.host.description)
    settings.certificates.authorities += options.authorities
    settings.skipsVerification = options.skipsVerification
    settings.proxy = proxies.proxy(scheme: url.scheme, host: url.host.name, port: url.port)
    settings.detours = options.detours
    return settings
  }
}
