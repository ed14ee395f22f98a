import ContainerImage
import Crypto
import CryptoExtras
import FoundationEssentials
import X509

/// A key as a JSON Web Key (RFC 7517, RFC 7518, section 6, and RFC 8037, section 2).
extension PublicKey {
  /// Bits of an RSA key. A longer one would make each look at a token slow.
  private static let maximumRSABits = 8192

  /// - Parameter jwk: an object; of its members, those that are the key itself are looked at.
  /// - Returns: nil for a kind of key that does not sign here: another curve, or a shared secret.
  /// - Throws: `InvalidValue.malformed` with the member's place.
  package init?(jwk: JSONNode) throws(InvalidValue) {
    let members = Dictionary(uniqueKeysWithValues: try jwk.members().map { ($0.name, $0.node) })
    func needed(_ name: String) throws(InvalidValue) -> JSONNode {
      guard let node = members[name] else { throw jwk.failure("\(name) is missing") }
      return node
    }
    func bytes(_ name: String, count: Int?) throws(InvalidValue) -> [UInt8] {
      let node = try needed(name)
      guard let bytes = StrictBase64.decodeURL(try node.string()) else {
        throw node.failure("it is not base64 for URLs without padding")
      }
      if let count, bytes.count != count {
        throw node.failure("it has \(bytes.count) bytes; \(count) are expected")
      }
      return bytes
    }
    func point(_ size: Int) throws(InvalidValue) -> [UInt8] {
      [4] + (try bytes("x", count: size)) + (try bytes("y", count: size))
    }

    let key: Certificate.PublicKey?
    switch try needed("kty").string() {
    case "EC":
      switch try needed("crv").string() {
      case "P-256":
        let point = try point(32)
        key = (try? P256.Signing.PublicKey(x963Representation: point)).map { .init($0) }
      case "P-384":
        let point = try point(48)
        key = (try? P384.Signing.PublicKey(x963Representation: point)).map { .init($0) }
      case "P-521":
        let point = try point(66)
        key = (try? P521.Signing.PublicKey(x963Representation: point)).map { .init($0) }
      default: return nil
      }
    case "OKP":
      guard try needed("crv").string() == "Ed25519" else { return nil }
      let raw = try bytes("x", count: 32)
      key = (try? Curve25519.Signing.PublicKey(rawRepresentation: raw)).map { .init($0) }
    case "RSA":
      let modulus = Array(try bytes("n", count: nil).drop { $0 == 0 })
      let exponent = Array(try bytes("e", count: nil).drop { $0 == 0 })
      guard modulus.count * 8 <= Self.maximumRSABits else {
        throw try needed("n").failure("the key has more than \(Self.maximumRSABits) bits")
      }
      guard let last = exponent.last, last & 1 == 1, exponent != [1], exponent.count <= 4 else {
        throw try needed("e").failure("it is no public exponent")
      }
      key = (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)).map { .init($0) }
    default: return nil
    }
    guard let key, let known = try? PublicKey(key) else {
      throw jwk.failure("its numbers are no key of its kind, or it is RSA with less than 2048 bits")
    }
    self = known
  }

  /// The members that are the key, in the order that its thumbprint needs (RFC 7638, section 3.2).
  package var jwk: OrderedJSON {
    func text(_ bytes: some Sequence<UInt8>) -> OrderedJSON { .string(StrictBase64.encodeURL(Array(bytes))) }
    func curve(_ name: String, _ point: Data?) -> OrderedJSON {
      let coordinates = Array((point ?? Data()).dropFirst())
      let half = coordinates.count / 2
      return .object([
        .init(name: "crv", value: .string(name)), .init(name: "kty", value: .string("EC")),
        .init(name: "x", value: text(coordinates[..<half])),
        .init(name: "y", value: text(coordinates[half...])),
      ])
    }
    // Each reads back what this type wrote itself.
    switch algorithm {
    case .ecdsaP256:
      return curve("P-256", (try? P256.Signing.PublicKey(derRepresentation: der))?.x963Representation)
    case .ecdsaP384:
      return curve("P-384", (try? P384.Signing.PublicKey(derRepresentation: der))?.x963Representation)
    case .ecdsaP521:
      return curve("P-521", (try? P521.Signing.PublicKey(derRepresentation: der))?.x963Representation)
    case .ed25519:
      // SubjectPublicKeyInfo ends with the key itself (RFC 8410, section 4).
      return .object([
        .init(name: "crv", value: .string("Ed25519")), .init(name: "kty", value: .string("OKP")),
        .init(name: "x", value: text(der.suffix(32))),
      ])
    case .rsa:
      let numbers = try? _RSA.Signing.PublicKey(derRepresentation: der).getKeyPrimitives()
      return .object([
        .init(name: "e", value: text((numbers?.publicExponent ?? Data()).drop { $0 == 0 })),
        .init(name: "kty", value: .string("RSA")),
        .init(name: "n", value: text((numbers?.modulus ?? Data()).drop { $0 == 0 })),
      ])
    }
  }
}
