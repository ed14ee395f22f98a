/// A password, as bytes. Printed, logged or dumped, it is `***`.
public struct LDAPSecret: Sendable, Hashable {
  /// The bytes themselves, for the place that sends them.
  let exposed: [UInt8]

  public init(_ bytes: [UInt8]) { exposed = bytes }

  /// - Parameter text: its UTF-8 is the password (RFC 4511, section 4.2).
  public init(_ text: String) { exposed = Array(text.utf8) }
}

extension LDAPSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "***" }
  public var debugDescription: String { "***" }
  /// Without children, so that `dump` does not find the bytes either.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
