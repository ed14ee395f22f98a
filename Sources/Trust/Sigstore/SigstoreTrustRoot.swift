import ContainerImage
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// The authorities and logs that a deployment of Sigstore has: whose certificates, log entries and timestamps count.
/// Everything is parsed once.
public struct SigstoreTrustRoot: Sendable {
  /// Bytes of a `trusted_root.json`. The public one has less than 20 KiB.
  public static let maximumSize = 1 << 20

  /// Rekor instances.
  let logs: [TransparencyLog]
  /// Logs of certificates (RFC 6962). If there are any, one of them must have seen each certificate.
  let certificateLogs: [TransparencyLog]
  /// Fulcio instances.
  let authorities: [CertificateAuthority]
  let timestampAuthorities: [CertificateAuthority]

  /// Nothing is trusted: enough to verify with keys alone.
  public init() { (logs, certificateLogs, authorities, timestampAuthorities) = ([], [], [], []) }

  /// What `policy.json` names one by one.
  /// - Parameters:
  ///   - authorities: certificates in PEM, one or several in each; all are trusted as they are.
  ///   - logKeys: Rekor's public keys, in PEM or DER, one in each. Its second version's logs have names of their own,
  ///     and so need `init(parsing:)`.
  ///   - certificateLogKeys: the certificate logs' keys, likewise.
  ///   - timestampAuthorities: for each, the certificates from the one that signs, or the one above it, up to the root.
  /// - Throws: `TrustError.unusable`, with a place such as `logKeys[0]`.
  public init(
    authorities: [[UInt8]] = [], logKeys: [[UInt8]] = [], certificateLogKeys: [[UInt8]] = [],
    timestampAuthorities: [[UInt8]] = []
  ) throws(TrustError) {
    self.authorities = try Self.each(authorities, "authorities") { pem throws(Refusal) in
      try Certificate.certificates(parsing: pem).map {
        CertificateAuthority(anchor: $0, intermediates: [], period: .always)
      }
    }.flatMap { $0 }
    logs = try Self.each(logKeys, "logKeys", TransparencyLog.init(key:))
    certificateLogs = try Self.each(certificateLogKeys, "certificateLogKeys", TransparencyLog.init(key:))
    self.timestampAuthorities = try Self.each(timestampAuthorities, "timestampAuthorities") {
      pem throws(Refusal) in
      try CertificateAuthority(chain: try Certificate.certificates(parsing: pem), period: .always)
    }
  }

  /// A `trusted_root.json` (protobuf-specs, sigstore_trustroot.proto), as Sigstore's TUF repositories have it.
  /// - Throws: `TrustError.unusable`, with a place such as `tlogs[0]`, and `TrustError.tooLarge`.
  public init(parsing json: [UInt8]) throws(TrustError) {
    guard json.count <= Self.maximumSize else {
      throw .tooLarge(what: "the trust root", limit: Self.maximumSize)
    }
    let document: OrderedJSON
    do throws(Refusal) {
      document = try OrderedJSON(signed: json, what: "the document")
      let type = try document.text("mediaType")
      let known = ["+json;version=0.1", ".v0.1+json", ".v0.2+json"]
      guard known.contains(where: { "application/vnd.dev.sigstore.trustedroot" + $0 == type }) else {
        throw Refusal("its media type \(type.quotedForMessage) is not that of a trust root")
      }
    } catch { throw Self.unusable("its document", error) }
    func list<Value>(
      _ name: String, _ parse: (OrderedJSON) throws(Refusal) -> Value
    ) throws(TrustError) -> [Value] {
      let elements: [OrderedJSON]
      do { elements = try document.list(name) } catch {
        throw Self.unusable(name, error)
      }
      return try Self.each(elements, name, parse)
    }
    logs = try list("tlogs", TransparencyLog.init(_:))
    certificateLogs = try list("ctlogs", TransparencyLog.init(_:))
    authorities = try list("certificateAuthorities", CertificateAuthority.init(_:))
    timestampAuthorities = try list("timestampAuthorities", CertificateAuthority.init(_:))
  }

  private static func unusable(_ place: String, _ refusal: Refusal) -> TrustError {
    .unusable(what: "the trust root, in \(place),", reason: refusal.description)
  }

  private static func each<Element, Value>(
    _ elements: [Element], _ name: String, _ parse: (Element) throws(Refusal) -> Value
  ) throws(TrustError) -> [Value] {
    var values: [Value] = []
    for (index, element) in elements.enumerated() {
      do { values.append(try parse(element)) } catch {
        throw unusable("\(name)[\(index)]", error)
      }
    }
    return values
  }
}

/// A log's key: Rekor's, or that of a log of certificates.
struct TransparencyLog: Sendable {
  let key: PublicKey
  /// What entries and certificates call it.
  let id: [UInt8]
  /// Its host, which newer checkpoints begin with; nil if that is not known.
  let origin: String?
  let period: TrustedPeriod

  init(key bytes: [UInt8]) throws(Refusal) {
    do { key = try PublicKey(parsing: bytes) } catch { throw Refusal("\(error)") }
    id = key.hash
    origin = nil
    period = .always
  }

  /// A `TransparencyLogInstance`.
  init(_ instance: OrderedJSON) throws(Refusal) {
    let publicKey = try instance.object("publicKey")
    let bytes = try publicKey.bytes("rawBytes")
    if publicKey.member("keyDetails") == .string("PKCS1_RSA_PKCS1V5") {
      guard let inner = try? _RSA.Signing.PublicKey(derRepresentation: bytes),
        let key = try? PublicKey(Certificate.PublicKey(inner))
      else { throw Refusal("its key cannot be read") }
      self.key = key
    } else {
      do { key = try PublicKey(der: bytes) } catch { throw Refusal("\(error)") }
    }
    guard instance.member("hashAlgorithm") ?? .string("SHA2_256") == .string("SHA2_256") else {
      throw Refusal("its tree has another hash than SHA-256")
    }
    id =
      instance.member("logId") == nil
      ? key.hash : try instance.object("logId").bytes("keyId")
    period = publicKey.member("validFor") == nil ? .always : try TrustedPeriod(publicKey.object("validFor"))
    origin = instance.member("baseUrl")?.string.map(Self.host(of:))
  }

  private static func host(of url: String) -> String {
    let rest = url.split(separator: "://", maxSplits: 1).last ?? ""
    return String(rest.prefix { $0 != "/" && $0 != ":" })
  }

  /// Whether the log signed this, with its key's own hash, or with SHA-256, which Rekor used with all keys.
  func signed(_ message: [UInt8], _ signature: [UInt8]) -> Bool {
    let schemes: [SignatureScheme] =
      switch key.algorithm {
      case .ecdsaP256: [.ecdsa(.sha256, .der)]
      case .ecdsaP384: [.ecdsa(.sha384, .der), .ecdsa(.sha256, .der)]
      case .ecdsaP521: [.ecdsa(.sha512, .der), .ecdsa(.sha256, .der)]
      case .ed25519: [.ed25519]
      case .rsa: [.rsaPKCS1(.sha256)]
      }
    return schemes.contains { key.isValidSignature(signature, for: message, by: $0) }
  }
}
