import ContainerImage
import CSodium
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

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
    let der = document.derBytes
    switch document.discriminator {
    case "PRIVATE KEY": try self.init(pkcs8: SecretBytes(der))
    case "RSA PRIVATE KEY": try self.init((try? .init(derRepresentation: der)).map(Key.rsa))
    case "EC PRIVATE KEY": try self.init(Self.onCurve(der))
    default:
      throw .unreadableSigningKey(reason: "it is \(document.discriminator.quotedForMessage) in PEM")
    }
  }

  /// - Parameter pkcs8: PrivateKeyInfo (RFC 5208, section 5) in DER.
  /// - Throws: `TrustError.unreadableSigningKey`
  public init(pkcs8: SecretBytes) throws(TrustError) {
    let der = pkcs8.withBytes { Array($0) }
    guard let (algorithm, key) = try? Self.parts(of: der) else {
      throw .unreadableSigningKey(reason: "it is no PKCS#8")
    }
    switch algorithm {
    case [1, 2, 840, 10045, 2, 1]: try self.init(Self.onCurve(der))
    case [1, 2, 840, 113549, 1, 1, 1]:
      try self.init((try? .init(derRepresentation: key)).map(Key.rsa))
    case [1, 3, 101, 112]:
      let seed = try? ASN1OctetString(derEncoded: key).bytes
      try self.init(seed.flatMap { try? .init(rawRepresentation: $0) }.map(Key.ed25519))
    default:
      throw .unreadableSigningKey(reason: "it is neither ECDSA nor Ed25519 nor RSA")
    }
  }

  private init(_ parsed: Key?) throws(TrustError) {
    guard let parsed else {
      throw .unreadableSigningKey(
        reason: "it is damaged, or neither on P-256, P-384 or P-521, nor RSA with at least 2048 bits")
    }
    key = parsed
    switch parsed {
    case .p256(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .p384(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .p521(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .ed25519(let key): publicKey = try PublicKey(.init(key.publicKey))
    case .rsa(let key): publicKey = try PublicKey(.init(key.publicKey))
    }
  }

  private static func onCurve(_ der: [UInt8]) -> Key? {
    if let key = try? P256.Signing.PrivateKey(derRepresentation: der) { return .p256(key) }
    if let key = try? P384.Signing.PrivateKey(derRepresentation: der) { return .p384(key) }
    return (try? P521.Signing.PrivateKey(derRepresentation: der)).map(Key.p521)
  }

  /// The algorithm, and the key as that algorithm writes it.
  private static func parts(of pkcs8: [UInt8]) throws -> (ASN1ObjectIdentifier, ArraySlice<UInt8>) {
    try DER.sequence(try DER.parse(pkcs8), identifier: .sequence) { nodes in
      _ = try Int(derEncoded: &nodes)
      guard let algorithm = nodes.next() else { throw ASN1Error.invalidASN1Object(reason: "no algorithm") }
      let identifier = try DER.sequence(algorithm, identifier: .sequence) { nodes in
        let identifier = try ASN1ObjectIdentifier(derEncoded: &nodes)
        _ = nodes.next()
        return identifier
      }
      let key = try ASN1OctetString(derEncoded: &nodes)
      // Attributes, and the public key of newer versions (RFC 5958).
      while nodes.next() != nil {}
      return (identifier, key.bytes)
    }
  }

  /// PrivateKeyInfo in DER.
  var pkcs8: SecretBytes {
    switch key {
    case .p256(let key): SecretBytes(key.derRepresentation)
    case .p384(let key): SecretBytes(key.derRepresentation)
    case .p521(let key): SecretBytes(key.derRepresentation)
    case .rsa(let key): SecretBytes(key.pkcs8DERRepresentation)
    case .ed25519(let key):
      // RFC 8410, section 7: all of it but the seed is the same for every key.
      SecretBytes(
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]
          + key.rawRepresentation)
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
