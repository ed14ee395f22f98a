/// Why a text or document is not a valid value of this module.
///
/// The message is written for the person who sent it: it names what was expected.
public enum InvalidValue: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text is no digest, repository name or tag.
  case malformed(String)
  /// A well-formed digest of an algorithm that Kontor does not compute.
  case unsupportedAlgorithm(String)

  public var description: String {
    switch self {
    case .malformed(let reason): reason
    case .unsupportedAlgorithm(let name):
      "digest algorithm \(name.quotedForMessage) is not supported: use sha256 or sha512"
    }
  }
}

extension StringProtocol {
  /// The text in quotation marks, shortened and without control characters, for use in a message.
  public var quotedForMessage: String {
    let shown = prefix(96).unicodeScalars.map { scalar in
      scalar.value < 0x20 || scalar.value == 0x7f ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return "\"" + shown.joined() + (count > 96 ? "…\"" : "\"")
  }
}
