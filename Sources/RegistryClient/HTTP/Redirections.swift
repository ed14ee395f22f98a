/// Where a request is sent on to, as often as servers may do that, and never from HTTPS to HTTP.
struct Redirections {
  private let start: ClientURL
  private var count = 0

  private static let most = 10

  init(from start: ClientURL) { self.start = start }

  /// - Returns: nil if the response sends nobody on.
  /// - Throws: `ConnectionFailure` of the kind `invalid`, if it must not be followed.
  mutating func next(after response: ClientResponse, from url: ClientURL) throws(ConnectionFailure)
    -> ClientURL?
  {
    guard [301, 302, 303, 307, 308].contains(response.head.status) else { return nil }
    guard let location = response.head["location"], let next = url.resolving(location) else {
      throw ConnectionFailure(
        kind: .invalid, reason: "\(url.origin) sends us on, but not to an address that can be used")
    }
    count += 1
    guard count <= Self.most else {
      throw ConnectionFailure(
        kind: .invalid, reason: "\(start.origin) sends us on more than \(Self.most) times")
    }
    guard next.scheme == .https || url.scheme == .http else {
      throw ConnectionFailure(
        kind: .invalid, reason: "\(url.origin) sends us on to \(next.origin), which has no TLS")
    }
    return next
  }
}
