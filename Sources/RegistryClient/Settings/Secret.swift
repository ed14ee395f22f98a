/// A text that must not be seen: a password, a token, a header that authorizes. Printed, logged or dumped, it is `***`.
public struct Secret: Sendable, Hashable {
  /// The text itself, for the place that needs it.
  public let exposed: String

  public init(_ text: String) { exposed = text }

  public var isEmpty: Bool { exposed.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "***" }
  public var debugDescription: String { "***" }
  /// Without children, so that `dump` does not find the text either.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
