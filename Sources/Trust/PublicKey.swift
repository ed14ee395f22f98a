import ContainerImage
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// A public key of ECDSA on P-256, P-384 or P-521, of Ed25519, or of RSA with at least 2048 bits, ready to verify: the text
/// that it came in is not parsed again.
public struct PublicKey: Sendable {
  /// Bytes of a file with one key. RSA with 16384 bits needs 3 KiB.
  public static let maximumSize = 1 << 16

  public enum Algorithm: String, Sendable, Hashable {
    case ecdsaP256 = "ECDSA P-256"
    case ecdsaP384 = "ECDSA P-384"
    case ecdsaP521 = "ECDSA P-521"
    case ed25519 = "Ed25519"
    case rsa = "RSA"
  }

  private enum Key: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)
  }

  /// SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) in DER, with the point uncompressed.
  public let der: [UInt8]
  private let key: Key

  /// - Parameter bytes: one key in PEM (`PUBLIC KEY`, or RSA's own `RSA PUBLIC KEY`) or as SubjectPublicKeyInfo in DER,
  ///   at most `maximumSize`.
  /// - Throws: `TrustError.unreadablePublicKey`, `TrustError.tooLarge`
  public init(parsing bytes: [UInt8]) throws(TrustError) {
    guard bytes.count <= Self.maximumSize else {
      throw .tooLarge(what: "the public key", limit: Self.maximumSize)
    }
    guard PEM.isArmored(bytes) else {
      try self.init(der: bytes)
      return
    }
    let documents: [PEMDocument]
    do { documents = try PEM.documents(bytes) } catch { throw .unreadablePublicKey(reason: "\(error)") }
    guard documents.count == 1, let document = documents.first else {
      throw .unreadablePublicKey(reason: "there are \(documents.count) parts in PEM; one key is expected")
    }
    switch document.discriminator {
    case "PUBLIC KEY": try self.init(der: document.derBytes)
    case "RSA PUBLIC KEY":
      guard let key = try? _RSA.Signing.PublicKey(derRepresentation: document.derBytes) else {
        throw .unreadablePublicKey(reason: "its RSA key cannot be read, or has less than 2048 bits")
      }
      try self.init(Certificate.PublicKey(key))
    default:
      throw .unreadablePublicKey(reason: "it is \(document.discriminator.quotedForMessage) in PEM")
    }
  }

  /// - Parameter der: SubjectPublicKeyInfo.
  /// - Throws: `TrustError.unreadablePublicKey`
  public init(der: [UInt8]) throws(TrustError) {
    guard let key = try? Certificate.PublicKey(derEncoded: der) else {
      throw .unreadablePublicKey(
        reason: "it is neither ECDSA on P-256, P-384 or P-521, nor Ed25519, nor RSA with at least 2048 bits")
    }
    try self.init(key)
  }

  /// A certificate's key.
  /// - Throws: `TrustError.unreadablePublicKey`
  public init(_ certified: Certificate.PublicKey) throws(TrustError) {
    if let known = P256.Signing.PublicKey(certified) {
      key = .p256(known)
    } else if let known = P384.Signing.PublicKey(certified) {
      key = .p384(known)
    } else if let known = P521.Signing.PublicKey(certified) {
      key = .p521(known)
    } else if let known = Curve25519.Signing.PublicKey(certified) {
      key = .ed25519(known)
    } else if let known = _RSA.Signing.PublicKey(certified), known.keySizeInBits >= 2048 {
      key = .rsa(known)
    } else {
      throw .unreadablePublicKey(reason: "its algorithm is not supported")
    }
    var serializer = DER.Serializer()
    do { try serializer.serialize(certified) } catch {
      throw .unreadablePublicKey(reason: "it cannot be written")
    }
    der = serializer.serializedBytes
  }

  public var algorithm: Algorithm {
    switch key {
    case .p256: .ecdsaP256
    case .p384: .ecdsaP384
    case .p521: .ecdsaP521
    case .ed25519: .ed25519
    case .rsa: .rsa
    }
  }

  /// SHA-256 of `der`.
  var hash: [UInt8] { Array(SHA256.hash(data: der)) }

  /// `hash` in lower-case hexadecimal.
  public var keyID: String { hash.lowerHexadecimal }

  /// `PUBLIC KEY` in PEM, with a line's end at its end.
  public var pem: String { PEMDocument(type: "PUBLIC KEY", derBytes: der).pemString + "\n" }

  /// Whether the key made the signature by that scheme. One for another kind of key made none.
  public func isValidSignature(
    _ signature: some DataProtocol, for message: some DataProtocol, by scheme: SignatureScheme
  ) -> Bool {
    switch scheme {
    case .ecdsa(let hash, _), .rsaPKCS1(let hash), .rsaPSS(let hash):
      switch hash {
      case .sha256: isValid(signature, for: SHA256.hash(data: message), by: scheme)
      case .sha384: isValid(signature, for: SHA384.hash(data: message), by: scheme)
      case .sha512: isValid(signature, for: SHA512.hash(data: message), by: scheme)
      }
    case .ed25519:
      if case .ed25519(let key) = key { key.isValidSignature(signature, for: message) } else { false }
    case .ed25519ph:
      if case .ed25519(let key) = key {
        Ed25519ph.isValidSignature(Array(signature), for: Array(message), key: Array(key.rawRepresentation))
      } else {
        false
      }
    }
  }

  private func isValid(
    _ signature: some DataProtocol, for digest: some Crypto.Digest, by scheme: SignatureScheme
  ) -> Bool {
    switch (key, scheme) {
    case (.p256(let key), .ecdsa(_, let encoding)):
      let parsed: P256.Signing.ECDSASignature? =
        switch encoding {
        case .der: try? .init(derRepresentation: signature)
        case .raw: try? .init(rawRepresentation: signature)
        }
      return parsed.map { key.isValidSignature($0, for: digest) } ?? false
    case (.p384(let key), .ecdsa(_, let encoding)):
      let parsed: P384.Signing.ECDSASignature? =
        switch encoding {
        case .der: try? .init(derRepresentation: signature)
        case .raw: try? .init(rawRepresentation: signature)
        }
      return parsed.map { key.isValidSignature($0, for: digest) } ?? false
    case (.p521(let key), .ecdsa(_, let encoding)):
      let parsed: P521.Signing.ECDSASignature? =
        switch encoding {
        case .der: try? .init(derRepresentation: signature)
        case .raw: try? .init(rawRepresentation: signature)
        }
      return parsed.map { key.isValidSignature($0, for: digest) } ?? false
    case (.rsa(let key), .rsaPKCS1):
      return key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
    case (.rsa(let key), .rsaPSS):
      return key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .PSS)
    default: return false
    }
  }
}

extension PublicKey: Hashable {
  public static func == (left: PublicKey, right: PublicKey) -> Bool { left.der == right.der }
  public func hash(into hasher: inout Hasher) { hasher.combine(der) }
}

extension Sequence<UInt8> {
  package var lowerHexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
