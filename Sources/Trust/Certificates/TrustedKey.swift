import ContainerImage
import FoundationEssentials
import SwiftASN1
import X509

/// A key that somebody trusts, and the certificate that it came in, which may have issued others: what Distribution's
/// `rootcertbundle` holds.
public struct TrustedKey: Sendable, Hashable {
  /// Certificates that a signature may bring with it.
  public static let maximumChain = 8
  /// Keys and certificates of a file.
  public static let maximumCount = 1000

  public let publicKey: PublicKey
  /// Nil for a key alone, which vouches for no other one.
  let certificate: Certificate?

  public init(_ publicKey: PublicKey) {
    self.publicKey = publicKey
    certificate = nil
  }

  /// - Parameter pem: certificates and public keys, in any order; at most 1 MiB.
  /// - Throws: `TrustError.unreadablePublicKey`, `TrustError.tooLarge`
  public static func keys(parsing pem: [UInt8]) throws(TrustError) -> [TrustedKey] {
    guard pem.count <= Certificate.maximumFileSize else {
      throw .tooLarge(what: "the file of keys", limit: Certificate.maximumFileSize)
    }
    let documents: [PEMDocument]
    do { documents = try PEM.documents(pem) } catch { throw .unreadablePublicKey(reason: "\(error)") }
    guard (1...maximumCount).contains(documents.count) else {
      throw .unreadablePublicKey(
        reason: "there are \(documents.count) parts in PEM; 1 to \(maximumCount) are expected")
    }
    var keys: [TrustedKey] = []
    for document in documents {
      guard document.discriminator == "CERTIFICATE" else {
        keys.append(TrustedKey(try PublicKey(parsing: Array(document.pemString.utf8))))
        continue
      }
      let certificate: Certificate
      do { certificate = try Certificate(parsing: document.derBytes[...]) } catch {
        throw .unreadablePublicKey(reason: error.description)
      }
      keys.append(try TrustedKey(certificate))
    }
    return keys
  }

  /// Whether it may have issued certificates of other keys.
  package var isCertified: Bool { certificate != nil }

  private init(_ certificate: Certificate) throws(TrustError) {
    publicKey = try PublicKey(certificate.publicKey)
    self.certificate = certificate
  }

  /// The key of a chain's first certificate, if the chain leads to a trusted one (RFC 5280, section 6; where name
  /// constraints or policies are critical, it does not). What the certificates are for is not looked at, as by Distribution.
  /// - Parameters:
  ///   - chain: in DER; each is issued by the next one (RFC 7515, section 4.1.6). The last one, or what issued it, is
  ///     trusted.
  ///   - time: at which all have to be valid.
  /// - Throws: `TrustError.unusable`: why it does not.
  public static func key(
    ofChain chain: [[UInt8]], leadingTo trusted: [TrustedKey], at time: Date
  ) throws(TrustError) -> PublicKey {
    do throws(Refusal) {
      let leaf = try leaf(of: chain, leadingTo: trusted.compactMap(\.certificate), at: time)
      do { return try PublicKey(leaf.publicKey) } catch { throw Refusal("\(error)") }
    } catch {
      throw .unusable(what: "the chain of certificates", reason: error.description)
    }
  }

  private static func leaf(
    of chain: [[UInt8]], leadingTo anchors: [Certificate], at time: Date
  ) throws(Refusal) -> Certificate {
    guard (1...maximumChain).contains(chain.count) else {
      throw Refusal("it has \(chain.count) certificates; 1 to \(maximumChain) are expected")
    }
    var certificates: [Certificate] = []
    for der in chain {
      let certificate = try Certificate(parsing: der[...])
      try certificate.checkIsValid(at: time)
      if let previous = certificates.last {
        try certificate.checkIssues(previous, below: certificates.count - 1)
      }
      certificates.append(certificate)
      if anchors.contains(certificate) { return certificates[0] }
      for anchor in anchors where anchor.subject == certificate.issuer {
        // Several authorities may have one name; only one has to be this one's.
        if (try? anchor.checkIsValid(at: time)) != nil,
          (try? anchor.checkIssues(certificate, below: certificates.count - 1)) != nil
        {
          return certificates[0]
        }
      }
    }
    throw Refusal("it does not lead to a certificate that is trusted")
  }
}

extension Certificate {
  fileprivate func checkIsValid(at time: Date) throws(Refusal) {
    guard notValidBefore <= time, time <= notValidAfter else {
      throw Refusal(
        "the certificate \(subjectForMessage) is valid from \(notValidBefore.isoText) to "
          + "\(notValidAfter.isoText), not at \(time.isoText)")
    }
    guard !hasUnknownCriticalExtension else {
      throw Refusal("the certificate \(subjectForMessage) has a critical extension that is not supported")
    }
  }

  /// - Parameter intermediates: how many authorities are below this one.
  fileprivate func checkIssues(_ other: Certificate, below intermediates: Int) throws(Refusal) {
    guard version == .v3, case .isCertificateAuthority(let maximum)? = try? extensions.basicConstraints,
      maximum ?? .max >= intermediates, permitsIssuing
    else { throw Refusal("the certificate \(subjectForMessage) may not issue others, or not so many") }
    guard other.isSignedStrongly, other.isIssued(by: self) else {
      throw Refusal(
        "the certificate \(other.subjectForMessage) is not issued by \(subjectForMessage), or with SHA-1")
    }
  }

  /// Without key usage it may be used for all (RFC 5280, section 4.2.1.3).
  private var permitsIssuing: Bool {
    do { return try extensions.keyUsage?.keyCertSign ?? true } catch { return false }
  }
}
