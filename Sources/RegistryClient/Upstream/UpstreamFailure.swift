/// Why an upstream did not give what it was asked for.
public struct UpstreamFailure: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    case notFound
    /// It does not let this registry have it.
    case denied
    /// It asks for patience, for so many seconds if it says how long.
    case limited(retryAfter: Int?)
    /// It cannot be reached, or fails.
    case unavailable
    /// What it gives is not what it should be.
    case wrong
  }

  public let kind: Kind
  /// For the log.
  public let description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// - Parameter response: whose status is not 200.
  init(_ response: ClientResponse, _ what: String) {
    let body = (try? response.collect(upTo: 64 << 10)) ?? nil
    let answer = RegistryAnswer(status: response.head.status, body: body ?? [])
    let kind: Kind =
      switch response.head.status {
      case 404, 410: .notFound
      case 429: .limited(retryAfter: response.head["retry-after"].flatMap { Int($0) })
      case 408, 425: .unavailable
      // Docker Hub says 401 of repositories that there are not. Others say something of what is asked for, too, and nothing of the
      // upstream as such.
      case 400..<500: .denied
      default: .unavailable
      }
    self.init(kind, "\(what): the upstream answered with \(answer.explanation)")
  }
}

/// What a registry says of how often it may be asked (draft-ietf-httpapi-ratelimit-headers, as Docker Hub sends it:
/// `ratelimit-remaining: 76;w=21600`).
public struct RateLimitHeaders: Sendable, Equatable {
  /// Pulls; nil if it does not say.
  public let limit: Int?
  public let remaining: Int?

  /// Of one that says nothing.
  init() { (limit, remaining) = (nil, nil) }

  init(_ head: ResponseHead) {
    func number(_ name: String) -> Int? {
      head[name].flatMap { Int($0.prefix { $0 != ";" && $0 != "," }.filter { $0 != " " }) }
    }
    limit = number("ratelimit-limit")
    remaining = number("ratelimit-remaining")
  }
}
