import Access
import ContainerImage
import FoundationEssentials
import Logging

/// The keys of issuers of ID tokens, as they publish them. They are fetched when a token needs them, again after an hour, and
/// when a token names one that is not among them.
actor IssuerKeys {
  /// Blocks nobody; throws in words for an operator.
  typealias Fetch = @Sendable (_ address: String, _ limit: Int) async throws -> [UInt8]

  private struct Known {
    var keys: [TokenKey]
    var fetchedAt: Date
  }

  /// Seconds after which keys are fetched again.
  private static let freshFor: TimeInterval = 3600
  /// Seconds for which keys count while they cannot be fetched again.
  private static let goodFor: TimeInterval = 24 * 3600
  /// Seconds between two tries: anybody can send tokens that name unknown keys.
  private static let pause: TimeInterval = 30

  private let fetch: Fetch
  private let logger: Logger
  private var known: [String: Known] = [:]
  private var running: [String: Task<[TokenKey], any Error>] = [:]
  private var tries: [String: (at: Date, failure: LoginUnavailable?)] = [:]

  init(fetch: @escaping Fetch, logger: Logger) {
    self.fetch = fetch
    self.logger = logger
  }

  /// - Returns: the claims of a token that one of the issuer's keys signed.
  /// - Throws: `LoginUnavailable` if the keys cannot be had.
  nonisolated func verify(
    _ token: String, of issuer: String, at now: Date
  ) async throws -> Result<OrderedJSON, TokenRefusal> {
    let verified = JSONWebToken.verify(token, keys: try await keys(of: issuer, at: now), at: now)
    switch verified {
    case .failure(.unknownKey), .failure(.badSignature), .failure(.algorithm):
      // It may have been signed by a key that is newer than those at hand.
      guard let newer = await keys(newerThan: now, of: issuer) else { return verified }
      return JSONWebToken.verify(token, keys: newer, at: now)
    default: return verified
    }
  }

  private func keys(of issuer: String, at now: Date) async throws -> [TokenKey] {
    guard let former = known[issuer], now.timeIntervalSince(former.fetchedAt) < Self.goodFor else {
      return try await fetching(issuer, at: now).value
    }
    // Nobody waits while there are some that count.
    if now.timeIntervalSince(former.fetchedAt) >= Self.freshFor { _ = try? fetching(issuer, at: now) }
    return former.keys
  }

  /// - Returns: nil if they were fetched a moment ago, or cannot be fetched.
  private func keys(newerThan now: Date, of issuer: String) async -> [TokenKey]? {
    if running[issuer] == nil, let last = tries[issuer], now.timeIntervalSince(last.at) < Self.pause {
      return nil
    }
    return try? await fetching(issuer, at: now).value
  }

  /// One fetch for all who wait for it.
  /// - Throws: `LoginUnavailable` if one failed a moment ago.
  private func fetching(_ issuer: String, at now: Date) throws -> Task<[TokenKey], any Error> {
    if let task = running[issuer] { return task }
    if let last = tries[issuer], let failure = last.failure, now.timeIntervalSince(last.at) < Self.pause {
      throw failure
    }
    let task = Task { [fetch, logger] in
      let start = ContinuousClock.now
      do {
        let place = IssuerDocument.address(of: issuer)
        let document = try IssuerDocument(
          parsing: try await fetch(place, IssuerDocument.maximumSize), of: issuer, what: place)
        let keys = try TokenKey.keys(
          jwks: try await fetch(document.keys, TokenKey.maximumSize), what: document.keys)
        ended(issuer, Known(keys: keys, fetchedAt: now), at: now, after: start)
        return keys
      } catch {
        logger.error(
          "cannot get the keys of an issuer", metadata: ["issuer": "\(issuer)", "error": "\(error)"])
        let failure = LoginUnavailable(reason: "the keys of \(issuer) cannot be had now")
        ended(issuer, nil, at: now, after: start, failure)
        throw failure
      }
    }
    running[issuer] = task
    return task
  }

  private func ended(
    _ issuer: String, _ keys: Known?, at now: Date, after start: ContinuousClock.Instant,
    _ failure: LoginUnavailable? = nil
  ) {
    running[issuer] = nil
    if let keys { known[issuer] = keys }
    // A slow one must not be begun again as soon as it has ended.
    tries[issuer] = (now.addingTimeInterval((ContinuousClock.now - start) / .seconds(1)), failure)
  }
}
