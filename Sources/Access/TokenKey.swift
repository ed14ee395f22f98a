import ContainerImage
import Crypto
import FoundationEssentials
import Trust

/// A public key that tokens are verified with.
public struct TokenKey: Sendable, Hashable {
  /// Bytes of a document with keys.
  public static let maximumSize = 1 << 20
  /// Keys of a document.
  public static let maximumCount = TrustedKey.maximumCount

  public let algorithm: TokenAlgorithm
  /// The key's thumbprint (RFC 7638, with SHA-256), as Kontor and Distribution name keys.
  public let thumbprint: String
  let trusted: TrustedKey
  /// What a token's `kid` may be: the thumbprint, libtrust's name, and the one that a JWK gives itself.
  let names: Set<ExactText>

  public var publicKey: PublicKey { trusted.publicKey }

  public init(_ publicKey: PublicKey) {
    self.init(TrustedKey(publicKey), algorithm: TokenAlgorithm(for: publicKey.algorithm), name: nil)
  }

  private init(_ trusted: TrustedKey, algorithm: TokenAlgorithm, name: String?) {
    self.trusted = trusted
    self.algorithm = algorithm
    let jwk = trusted.publicKey.jwk.line
    thumbprint = StrictBase64.encodeURL(Array(SHA256.hash(data: Array(jwk.utf8))))
    let names = [thumbprint, Self.libtrustName(of: trusted.publicKey), name]
    self.names = Set(names.compactMap { $0 }.map(ExactText.init))
  }

  /// SHA-256 of the key in DER, the first 240 bits in base 32, in groups of four (Distribution's former specification of
  /// tokens, which older issuers follow).
  private static func libtrustName(of key: PublicKey) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    var name: [UInt8] = []
    var (bits, count) = (0, 0)
    for byte in Array(SHA256.hash(data: key.der)).prefix(30) {
      (bits, count) = ((bits << 8 | Int(byte)) & 0xffff, count + 8)
      while count >= 5 {
        count -= 5
        if name.count % 5 == 4 { name.append(UInt8(ascii: ":")) }
        name.append(alphabet[bits >> count & 31])
      }
    }
    return String(decoding: name, as: UTF8.self)
  }

  /// - Parameters:
  ///   - bytes: a JWK set (RFC 7517, section 5), or PEM with certificates (Distribution's `rootcertbundle`) and public keys.
  ///     At most `maximumSize`.
  ///   - what: the document, as the subject of a sentence.
  /// - Throws: `AccessError.unusable`, `AccessError.tooLarge`
  public static func keys(parsing bytes: [UInt8], what: String) throws(AccessError) -> [TokenKey] {
    guard bytes.count <= maximumSize else { throw .tooLarge(what: what, limit: maximumSize) }
    let space: [UInt8] = [0x20, 0x09, 0x0a, 0x0d]
    if bytes.first(where: { !space.contains($0) }) == UInt8(ascii: "{") {
      return try keys(jwks: bytes, what: what)
    }
    do throws(TrustError) {
      return try TrustedKey.keys(parsing: bytes).map { trusted in
        TokenKey(trusted, algorithm: TokenAlgorithm(for: trusted.publicKey.algorithm), name: nil)
      }
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }

  // MARK: - JWK sets

  /// Keys that are not for signatures, or of a kind that is not known here, are left out (RFC 7517, section 5).
  /// - Throws: `AccessError.unusable`: a key is malformed or private, or none is left.
  public static func keys(jwks bytes: [UInt8], what: String) throws(AccessError) -> [TokenKey] {
    guard bytes.count <= maximumSize else { throw .tooLarge(what: what, limit: maximumSize) }
    do throws(InvalidValue) {
      let document = JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "it"))
      guard let list = try document.members().first(where: { $0.name == "keys" })?.node else {
        throw .malformed("keys: it is missing")
      }
      let nodes = try list.list()
      guard nodes.count <= maximumCount else { throw list.failure("there are more than \(maximumCount)") }
      var keys: [TokenKey] = []
      for node in nodes { if let key = try key(node) { keys.append(key) } }
      guard !keys.isEmpty else {
        throw list.failure("none is for signatures by ECDSA, Ed25519 or RSA")
      }
      return keys
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }

  private static func key(_ node: JSONNode) throws(InvalidValue) -> TokenKey? {
    let jwk = node.value
    _ = try node.members()
    if let use = jwk["use"], use.string != "sig" { return nil }
    if case .array(let operations) = jwk["key_ops"], !operations.contains(.string("verify")) { return nil }
    guard let key = try PublicKey(jwk: node) else { return nil }
    guard jwk["d"] == nil else { throw node.failure("it is a private key: only public ones belong here") }
    var algorithm = TokenAlgorithm(for: key.algorithm)
    if let named = jwk["alg"] {
      guard let known = named.string.flatMap(TokenAlgorithm.init(rawValue:)), known.suits(key.algorithm)
      else {
        return nil
      }
      algorithm = known
    }
    return TokenKey(TrustedKey(key), algorithm: algorithm, name: jwk["kid"]?.string)
  }

  /// A JWK set with these keys, each named by its thumbprint.
  public static func jwks(_ keys: [TokenKey]) -> String {
    let entries = keys.map { key -> OrderedJSON in
      var jwk = key.publicKey.jwk
      jwk["use"] = .string("sig")
      jwk["alg"] = .string(key.algorithm.rawValue)
      jwk["kid"] = .string(key.thumbprint)
      return jwk
    }
    return OrderedJSON.object([.init(name: "keys", value: .array(entries))]).line
  }
}
