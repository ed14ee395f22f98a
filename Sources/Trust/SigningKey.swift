import ContainerImage
import CSodium
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// A private key that signs as `PublicKey` verifies.
public struct SigningKey: Sendable {
  private enum Key: Sendable {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
  }

  public let publicKey: PublicKey
  private let key: Key

  /// A new one, of ECDSA on P-256, as `cosign generate-key-pair` makes it.
  public init() throws(TrustError) { try self.init(.p256(P256.Signing.PrivateKey())) }

  /// - Parameter pem: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (RFC 5915) or `RSA PRIVATE KEY` (PKCS#1), without a passphrase.
  /// - Throws: `TrustError.unreadableSigningKey`
  public init(pem: SecretBytes) throws(TrustError) {
    let documents: [PEMDocument]
    do {
      documents = try pem.withBytes { bytes throws(PEM.Unreadable) in try PEM.documents(Array(bytes)) }
        .filter { $0.discriminator != "EC PARAMETERS" }
    } catch { throw .unreadableSigningKey(reason: "\(error)") }
    guard documents.count == 1, let document = documents.first else {
      throw .unreadableSigningKey(reason: "there are \(documents.count) parts in PEM; one key is expected")
    }
    try self.init(document)
  }

  /// - Parameter pkcs8: PrivateKeyInfo (RFC 5208, section 5) in DER.
  /// - Throws: `TrustError.unreadableSigningKey`
  public init(pkcs8: SecretBytes) throws(TrustError) {
    try self.init(PEMDocument(type: "PRIVATE KEY", derBytes: pkcs8.withBytes { Array($0) }))
  }

  private init(_ document: PEMDocument) throws(TrustError) {
    // swift-certificates looks at the algorithm's and the curve's names, which swift-crypto leaves to its callers; each of
    // its keys is written in a form of its algorithm.
    guard let known = try? Certificate.PrivateKey(pemDocument: document),
      let der = try? known.serializeAsPEM().derBytes, let key = Self.key(of: known, der)
    else {
      throw .unreadableSigningKey(
        reason: "it is neither ECDSA on P-256, P-384 or P-521, nor Ed25519, nor RSA with at least 2048 bits")
    }
    try self.init(key)
  }

  private static func key(of known: Certificate.PrivateKey, _ der: [UInt8]) -> Key? {
    switch try? PublicKey(known.publicKey).algorithm {
    case .ecdsaP256: (try? .init(derRepresentation: der)).map(Key.p256)
    case .ecdsaP384: (try? .init(derRepresentation: der)).map(Key.p384)
    case .ecdsaP521: (try? .init(derRepresentation: der)).map(Key.p521)
    case .rsa: (try? .init(derRepresentation: der)).map(Key.rsa)
    case .ed25519:
      der.starts(with: ed25519Prefix)
        ? (try? .init(rawRepresentation: der[ed25519Prefix.count...])).map(Key.ed25519) : nil
    case nil: nil
    }
  }

  private init(_ key: Key) throws(TrustError) {
    self.key = key
    switch key {
    case .p256(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .p384(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .p521(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .ed25519(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .rsa(let key): publicKey = try PublicKey(.init(key.publicKey))
    }
  }

  /// Of PKCS#8 for Ed25519, all but the seed (RFC 8410, section 7).
  private static let ed25519Prefix: [UInt8] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  /// `PRIVATE KEY` (PKCS#8) in PEM, with a line's end at its end. Whoever has it can sign.
  public var pem: String {
    PEMDocument(type: "PRIVATE KEY", derBytes: pkcs8.withBytes { Array($0) }).pemString + "\n"
  }

  /// PrivateKeyInfo in DER.
  var pkcs8: SecretBytes {
    switch key {
    case .p256(let key): SecretBytes(key.derRepresentation)
    case .p384(let key): SecretBytes(key.derRepresentation)
    case .p521(let key): SecretBytes(key.derRepresentation)
    case .rsa(let key): SecretBytes(key.pkcs8DERRepresentation)
    case .ed25519(let key): SecretBytes(Self.ed25519Prefix + key.rawRepresentation)
    }
  }

  /// - Parameter scheme: one for this kind of key.
  /// - Throws: `TrustError.failed`
  public func sign(_ message: [UInt8], by scheme: SignatureScheme) throws(TrustError) -> [UInt8] {
    let signature: [UInt8]?
    switch (key, scheme) {
    case (.ed25519(let key), .ed25519): signature = (try? key.signature(for: message)).map(Array.init)
    case (.ed25519(let key), .ed25519ph):
      signature = Ed25519ph.sign(
        message, seed: Array(key.rawRepresentation), publicKey: Array(key.publicKey.rawRepresentation))
    case (_, .ecdsa(.sha256, _)), (_, .rsaPKCS1(.sha256)), (_, .rsaPSS(.sha256)):
      signature = try? sign(SHA256.hash(data: message), by: scheme)
    case (_, .ecdsa(.sha384, _)), (_, .rsaPKCS1(.sha384)), (_, .rsaPSS(.sha384)):
      signature = try? sign(SHA384.hash(data: message), by: scheme)
    case (_, .ecdsa(.sha512, _)), (_, .rsaPKCS1(.sha512)), (_, .rsaPSS(.sha512)):
      signature = try? sign(SHA512.hash(data: message), by: scheme)
    default: signature = nil
    }
    guard let signature else {
      throw .failed(
        operation: "sign", reason: "a key of \(publicKey.algorithm.rawValue) cannot sign in this way")
    }
    return signature
  }

  private func sign(_ digest: some Crypto.Digest, by scheme: SignatureScheme) throws -> [UInt8]? {
    switch (key, scheme) {
    case (.p256(let key), .ecdsa(_, let encoding)):
      let signature = try key.signature(for: digest)
      return Array(encoding == .der ? signature.derRepresentation : signature.rawRepresentation)
    case (.p384(let key), .ecdsa(_, let encoding)):
      let signature = try key.signature(for: digest)
      return Array(encoding == .der ? signature.derRepresentation : signature.rawRepresentation)
    case (.p521(let key), .ecdsa(_, let encoding)):
      let signature = try key.signature(for: digest)
      return Array(encoding == .der ? signature.derRepresentation : signature.rawRepresentation)
    case (.rsa(let key), .rsaPKCS1):
      return Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
    case (.rsa(let key), .rsaPSS):
      return Array(try key.signature(for: digest, padding: .PSS).rawRepresentation)
    default: return nil
    }
  }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
  public var description: String { "private key of public key sha256:\(publicKey.keyID)" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
