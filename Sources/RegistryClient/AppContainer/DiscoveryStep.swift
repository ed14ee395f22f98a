/// One request of a discovery, and what came of it.
public struct DiscoveryStep: Sendable, CustomStringConvertible {
  public enum Outcome: Sendable, Equatable {
    /// The page names so many places.
    case found(Int)
    /// It is a page, but says nothing of what is looked for.
    case nothing
    case status(Int)
    /// Nothing answers; in words.
    case unreachable(String)
    /// In words.
    case failed(String)
  }

  public let url: String
  public let outcome: Outcome

  public var description: String {
    switch outcome {
    case .found(let count): "\(url): found \(count == 1 ? "a place" : "\(count) places")"
    case .nothing: "\(url): says nothing of this name"
    case .status(let status): "\(url): answered with status \(status)"
    case .unreachable(let reason), .failed(let reason): "\(url): \(reason)"
    }
  }
}
