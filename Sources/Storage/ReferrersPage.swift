import ContainerImage

/// A piece of a list of referrers.
public struct ReferrersPage: Sendable, Equatable {
  public var descriptors: [Descriptor]
  /// The position after which the next piece begins; nil if this is the last.
  public var next: Int64?
}
