import Crypto
import CryptoExtras
import X509

/// A secret key for signatures of the Notary Project.
enum NotationKey: Sendable {
  case p256(P256.Signing.PrivateKey)
  case p384(P384.Signing.PrivateKey)
  case p521(P521.Signing.PrivateKey)
  case rsa(_RSA.Signing.PrivateKey)

  /// - Parameter secret: PEM, not encrypted.
  /// - Throws: `Refusal`
  init(parsing secret: SecretBytes) throws(Refusal) {
    let documents = try secret.withBytes { bytes throws(Refusal) in
      do throws(PEM.Unreadable) { return try PEM.documents(Array(bytes)) } catch { throw Refusal("\(error)") }
    }
    // OpenSSL writes a curve's parameters before the key.
    guard let document = documents.first(where: { $0.discriminator.hasSuffix("PRIVATE KEY") }) else {
      throw Refusal("it has no PRIVATE KEY in PEM")
    }
    let pem = document.pemString
    guard document.discriminator != "ENCRYPTED PRIVATE KEY" else {
      throw Refusal("it is encrypted: decrypt it, with 'openssl pkey' for one")
    }
    if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
      self = .p256(key)
    } else if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem) {
      self = .p384(key)
    } else if let key = try? P521.Signing.PrivateKey(pemRepresentation: pem) {
      self = .p521(key)
    } else if let key = try? _RSA.Signing.PrivateKey(pemRepresentation: pem) {
      self = .rsa(key)
    } else {
      throw Refusal("it is neither ECDSA on P-256, P-384 or P-521, nor RSA with at least 2048 bits")
    }
  }

  var publicKey: Certificate.PublicKey {
    switch self {
    case .p256(let key): Certificate.PublicKey(key.publicKey)
    case .p384(let key): Certificate.PublicKey(key.publicKey)
    case .p521(let key): Certificate.PublicKey(key.publicKey)
    case .rsa(let key): Certificate.PublicKey(key.publicKey)
    }
  }

  /// - Parameter algorithm: the one for the key.
  func sign(_ message: [UInt8], by algorithm: NotationAlgorithm) throws -> [UInt8] {
    switch self {
    case .p256(let key): return Array(try key.signature(for: SHA256.hash(data: message)).rawRepresentation)
    case .p384(let key): return Array(try key.signature(for: SHA384.hash(data: message)).rawRepresentation)
    case .p521(let key): return Array(try key.signature(for: SHA512.hash(data: message)).rawRepresentation)
    case .rsa(let key):
      let signature =
        switch algorithm {
        case .ps384: try key.signature(for: SHA384.hash(data: message), padding: .PSS)
        case .ps512: try key.signature(for: SHA512.hash(data: message), padding: .PSS)
        default: try key.signature(for: SHA256.hash(data: message), padding: .PSS)
        }
      return Array(signature.rawRepresentation)
    }
  }
}
