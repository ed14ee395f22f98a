import Crypto
import Trust

/// A secret for a program: `kontor_<id>_<secret>`, of 12 and 40 letters and digits.
///
/// The id may be seen by anybody; the token is found by it. Of the secret, 34 characters are chance (202 bits), and the last
/// six are the CRC-32 (ISO 3309, as in gzip) of all that is before them, in base 62 with the digits 0-9, A-Z, a-z, most
/// significant first. So a scanner for leaked secrets (`kontor_[0-9A-Za-z]{12}_[0-9A-Za-z]{40}`) and a log-in tell a token
/// from a typing error without asking the registry. The check proves nothing: anybody can compute it.
public struct APIToken: Sendable, Hashable {
  private static let prefix = "kontor_"
  private static let idLength = 12
  private static let chanceLength = 34
  private static let checkLength = 6
  private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  public let id: String
  private let secret: String

  /// A new one, from the system's random numbers.
  public static func make() -> APIToken {
    func chance(_ count: Int) -> String {
      String(decoding: (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }, as: UTF8.self)
    }
    let (id, secret) = (chance(idLength), chance(chanceLength))
    return APIToken(id: id, secret: secret + check(of: "\(prefix)\(id)_\(secret)"))
  }

  private init(id: String, secret: String) {
    self.id = id
    self.secret = secret
  }

  /// - Returns: nil if the text is no token, or was mistyped.
  public init?(parsing text: String) {
    let bytes = Array(text.utf8)
    let idStart = Self.prefix.utf8.count
    let secretStart = idStart + Self.idLength + 1
    guard bytes.count == secretStart + Self.chanceLength + Self.checkLength, Self.isMeant(by: text),
      bytes[secretStart - 1] == UInt8(ascii: "_")
    else { return nil }
    let (id, secret) = (bytes[idStart..<(secretStart - 1)], bytes[secretStart...])
    guard (id + secret).allSatisfy(Self.alphabet.contains) else { return nil }
    let checked = String(decoding: bytes.dropLast(Self.checkLength), as: UTF8.self)
    guard secret.suffix(Self.checkLength).elementsEqual(Self.check(of: checked).utf8) else { return nil }
    self.init(id: String(decoding: id, as: UTF8.self), secret: String(decoding: secret, as: UTF8.self))
  }

  /// Whether a text that is given as a password is to be a token, if perhaps a mistyped one: it begins as they do.
  public static func isMeant(by text: String) -> Bool { text.utf8.starts(with: prefix.utf8) }

  /// The whole token, to be shown once.
  public var text: String { "\(Self.prefix)\(id)_\(secret)" }

  /// SHA-256 of the secret's characters, in lower-case hexadecimal: what is stored. A slow hash is for what can be guessed.
  public var hash: String { SHA256.hash(data: Array(secret.utf8)).lowerHexadecimal }

  /// Whether `stored` is its `hash`, in constant time.
  public func matches(hash stored: String) -> Bool { hash.utf8.isEqualInConstantTime(to: stored.utf8) }

  private static func check(of text: String) -> String {
    var rest = CRC32.checksum(of: Array(text.utf8))
    var digits: [UInt8] = []
    for _ in 0..<checkLength {
      digits.append(alphabet[Int(rest % 62)])
      rest /= 62
    }
    return String(decoding: digits.reversed(), as: UTF8.self)
  }

  /// CRC-32 of ISO 3309, as in gzip (RFC 1952, section 8).
  private enum CRC32 {
    static func checksum(of bytes: [UInt8]) -> UInt32 {
      ~bytes.reduce(UInt32.max) { sum, byte in
        (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
      }
    }
  }
}

extension APIToken: CustomStringConvertible, CustomReflectable {
  /// Without the secret.
  public var description: String { "\(Self.prefix)\(id)_***" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
