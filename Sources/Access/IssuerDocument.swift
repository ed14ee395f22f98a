import ContainerImage
import FoundationEssentials
import Trust

/// Where an issuer of ID tokens says that its keys are (OpenID Connect Discovery 1.0, sections 3 and 4).
public struct IssuerDocument: Sendable {
  /// Bytes.
  public static let maximumSize = 256 << 10

  /// Of a JWK set.
  public let keys: String

  /// Where it is.
  public static func address(of issuer: String) -> String {
    (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
  }

  /// - Parameters:
  ///   - bytes: at most `maximumSize`.
  ///   - issuer: whose it has to be.
  ///   - what: the document, as the subject of a sentence.
  /// - Throws: `AccessError.unusable`, `AccessError.tooLarge`
  public init(parsing bytes: [UInt8], of issuer: String, what: String) throws(AccessError) {
    guard bytes.count <= Self.maximumSize else { throw .tooLarge(what: what, limit: Self.maximumSize) }
    do throws(InvalidValue) {
      let document = JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "it"))
      let named = try document.string(of: "issuer")
      guard named.isExactly(issuer) else {
        throw .malformed("issuer: it is \(named.quotedForMessage), not \(issuer.quotedForMessage)")
      }
      keys = try document.string(of: "jwks_uri")
      guard Self.isAddress(keys), keys.hasPrefix("https://") || !issuer.hasPrefix("https://") else {
        throw .malformed("jwks_uri: \(keys.quotedForMessage) is no URL with https")
      }
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }

  /// A URL with https, or with http for this machine itself, without a fragment.
  static func isAddress(_ text: String) -> Bool {
    let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"#\"\\".utf8.contains($0) }
    guard isPlain else { return false }
    if text.hasPrefix("https://") { return text.utf8.count > "https://".utf8.count }
    return ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { own in
      text.hasPrefix(own) && [nil, "/", ":"].contains(text.dropFirst(own.count).first)
    }
  }
}
