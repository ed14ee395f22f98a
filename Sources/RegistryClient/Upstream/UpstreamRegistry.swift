import ContainerImage
import ImageTransfer
import Synchronization

/// A registry that content comes from. How it is reached is said by whoever runs this, and not by what this machine's settings say of
/// registries: these may name the very server that asks.
///
/// Every function blocks its thread, and may be called by several threads at once.
public final class UpstreamRegistry: Sendable {
  public struct Configuration: Sendable {
    public var address: UpstreamAddress
    /// Called when the registry asks who it is, and again when it does not take what was told before.
    public var credentials: @Sendable () throws -> Credentials = { .anonymous }
    /// Whether there are some.
    public var hasCredentials = false
    /// PEM files with authorities, beside the system's.
    public var authorities: [String] = []
    /// A proxy's URL, or a host with a port; nil for what the environment says.
    public var proxy: String?

    public init(address: UpstreamAddress) { self.address = address }
  }

  private struct Current {
    var client: EndpointClient
    var since: ContinuousClock.Instant
  }

  /// Between two times that credentials are looked up because the former ones were refused.
  private static let pause = Duration.seconds(60)

  private let configuration: Configuration
  private let pool = ConnectionPool(isCancelled: { false })
  private let options: ClientOptions
  private let proxies: ProxySettings
  private let current: Mutex<Current?> = Mutex(nil)

  public init(_ configuration: Configuration, _ environment: UserEnvironment) {
    self.configuration = configuration
    var options = ClientOptions()
    options.authorities = configuration.authorities
    // Whoever waits for an answer waits for all tries; what is not urgent is tried again by the next who asks.
    options.retries.attempts = 2
    options.retries.delay = .milliseconds(200)
    options.retries.longestRetryAfter = .seconds(1)
    // Before those who wait are given up.
    options.longestSilence = 15
    self.options = options
    proxies = configuration.proxy.map { ProxySettings(all: $0) } ?? ProxySettings(environment)
  }

  // MARK: - What is asked

  /// What a registry says of a manifest without giving it.
  public struct ManifestHead: Sendable {
    /// Nil if it does not say.
    public let digest: Digest?
    public let limits: RateLimitHeaders
  }

  /// end-3, HEAD
  /// - Throws: `UpstreamFailure`
  public func head(_ reference: ManifestReference, in repository: RepositoryName) throws -> ManifestHead {
    // Some know no HEAD.
    let response = try send(
      "HEAD", "/\(repository)/manifests/\(reference)", repository, Self.accept, or: [405, 501])
    response.discard()
    let told = response.head["docker-content-digest"].flatMap { try? Digest(parsing: $0) }
    return ManifestHead(digest: told, limits: RateLimitHeaders(response.head))
  }

  /// end-3
  /// - Throws: `UpstreamFailure`
  public func manifest(
    _ reference: ManifestReference, in repository: RepositoryName
  ) throws -> (document: ManifestDocument, limits: RateLimitHeaders) {
    let response = try send("GET", "/\(repository)/manifests/\(reference)", repository, Self.accept)
    let what = "\(configuration.address.endpoint.host)/\(repository):\(reference)"
    let bytes = try Self.translating(what) { try response.collect(upTo: ManifestTypes.largest) }
    guard let bytes else {
      throw UpstreamFailure(
        .wrong, "\(what) has more than \(ManifestTypes.largest) bytes: that is no manifest")
    }
    var expected: Digest?
    if case .digest(let digest) = reference { expected = digest }
    let type = response.head["content-type"].map(MediaType.init(header:))
    let isManifest = type.map { ManifestTypes.all.contains($0) } ?? false
    let document = try Self.translating(what) {
      try ManifestDocument(bytes, mediaType: isManifest ? type : nil, expecting: expected)
    }
    return (document, RateLimitHeaders(response.head))
  }

  /// A blob's bytes, not verified, and how many there are if the registry says so (end-2). Reading goes on by itself where a
  /// connection broke.
  /// - Throws: `UpstreamFailure`; the reader throws `TransferError`.
  public func blob(
    _ digest: Digest, in repository: RepositoryName
  ) throws -> (reader: any BlobReader, length: Int64?) {
    let response = try send("GET", "/\(repository)/blobs/\(digest)", repository)
    var first: ClientResponse? = response
    var patient = options
    patient.retries = RetryPolicy()
    let reader = try RemoteBlobReader(from: 0, what: "\(repository)@\(digest)", options: patient) {
      [self] headers in
      if let begun = first {
        first = nil
        return begun
      }
      return try client().send(
        .init(
          target: .path("/\(repository)/blobs/\(digest)"), headers: headers, scopes: Self.scopes(repository)))
    }
    return (reader, response.head.contentLength)
  }

  /// The size of a blob (end-2, HEAD); nil if the registry does not say.
  /// - Throws: `UpstreamFailure`
  public func size(of digest: Digest, in repository: RepositoryName) throws -> Int64? {
    let response = try send("HEAD", "/\(repository)/blobs/\(digest)", repository)
    response.discard()
    return response.head.contentLength
  }

  /// end-8
  /// - Throws: `UpstreamFailure`
  public func tags(in repository: RepositoryName) throws -> [String] {
    try withCredentials("\(repository)") { client in
      try client.tags("/\(repository)/tags/list", scopes: Self.scopes(repository), what: "\(repository)")
    }
  }

  /// end-12, or what the tag for registries without it lists.
  /// - Throws: `UpstreamFailure`
  public func referrers(of digest: Digest, in repository: RepositoryName) throws -> [Descriptor] {
    do {
      return try withCredentials("\(repository)@\(digest)") { client in
        try client.referrers(
          "/\(repository)/referrers/\(digest)", query: nil, scopes: Self.scopes(repository),
          what: "\(repository)")
      }
    } catch let failure as UpstreamFailure where failure.kind == .notFound {
      do {
        let tag = Tag(listingReferrersOf: digest)
        return try manifest(.tag(tag), in: repository).document.manifest().manifests
      } catch let failure as UpstreamFailure where failure.kind == .notFound {
        return []
      }
    }
  }

  // MARK: - Copying

  /// Asks for as long as a copy takes: what fails for the moment is tried again, and patience is had where the registry asks for it.
  /// - Parameters:
  ///   - name: the registry's in references.
  ///   - gate: stands before each request.
  ///   - isCancelled: asked several times a second.
  public func session(
    named name: String, gate: any RequestGate, isCancelled: @escaping @Sendable () -> Bool
  ) -> UpstreamSession {
    var options = options
    options.retries = RetryPolicy()
    // The gate waits in between, for longer each time.
    options.retries.attempts = 4
    options.retries.longestRetryAfter = .seconds(3600)
    options.longestSilence = nil
    options.gate = gate
    options.isCancelled = isCancelled
    return UpstreamSession(
      name: name, endpoint: configuration.address.endpoint, options: options, proxies: proxies,
      lookUp: configuration.credentials)
  }

  // MARK: - How

  private static let accept = [(name: "Accept", value: ManifestTypes.accept)]

  private static func scopes(_ repository: RepositoryName) -> [String] { ["repository:\(repository):pull"] }

  /// - Returns: a response with the status 200.
  private func send(
    _ method: String, _ path: String, _ repository: RepositoryName,
    _ headers: [(name: String, value: String)] = [], or others: Set<Int> = []
  ) throws -> ClientResponse {
    let call = EndpointClient.Call(
      method: method, target: .path(path), headers: headers, scopes: Self.scopes(repository))
    let what = configuration.address.endpoint.host.description + path
    return try withCredentials(what) { client in
      let response = try client.send(call)
      guard response.head.status == 200 || others.contains(response.head.status) else {
        throw UpstreamFailure(response, what)
      }
      return response
    }
  }

  /// Does it again with credentials that are looked up anew, if it was denied with those that are known.
  private func withCredentials<Value>(
    _ what: String, _ body: (EndpointClient) throws -> Value
  ) throws -> Value {
    do {
      return try Self.translating(what) { try body(client()) }
    } catch let failure as UpstreamFailure where failure.kind == .denied && forget() {
      return try Self.translating(what) { try body(client()) }
    }
  }

  private func client() -> EndpointClient {
    current.withLock { current in
      if let current { return current.client }
      let client = EndpointClient(
        configuration.address.endpoint, pool: pool, proxies: proxies, options: options,
        lookUp: configuration.credentials)
      current = Current(client: client, since: .now)
      return client
    }
  }

  /// What was refused may be out of date: helpers give passwords for a while only.
  /// - Returns: whether another try may work.
  private func forget() -> Bool {
    current.withLock { current in
      guard configuration.hasCredentials, let known = current,
        known.since.duration(to: .now) > Self.pause
      else { return false }
      current = nil
      return true
    }
  }

  private static func translating<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let failure as UpstreamFailure {
      throw failure
    } catch let failure as ConnectionFailure {
      throw UpstreamFailure(failure.kind == .invalid ? .wrong : .unavailable, "\(what): \(failure.reason)")
    } catch let failure as AuthenticationFailure {
      let isRefusal = failure.status == 401 || failure.status == 403
      throw UpstreamFailure(
        failure.status == 429 ? .limited(retryAfter: nil) : isRefusal ? .denied : .unavailable,
        "\(what): the token service \(failure.service) answered with status \(failure.status)")
    } catch TransferError.notFound(let reason) {
      throw UpstreamFailure(.notFound, reason)
    } catch TransferError.denied(let reason) {
      throw UpstreamFailure(.denied, reason)
    } catch let error as TransferError {
      switch error {
      case .wrongContent, .notAnImage: throw UpstreamFailure(.wrong, "\(what): \(error)")
      default: throw UpstreamFailure(.unavailable, "\(what): \(error)")
      }
    } catch {
      throw UpstreamFailure(.unavailable, "\(what): \(error)")
    }
  }
}
