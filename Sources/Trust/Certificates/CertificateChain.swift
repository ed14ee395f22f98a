import ContainerImage
import FoundationEssentials
import SwiftASN1
import X509

/// Certificates, each issued by the next, of which the last one issued itself. They meet the rules of the Notary Project's
/// signature specification, section "Certificate Requirements"; whether they are trusted, and valid at some time, is not
/// said.
struct CertificateChain: Sendable, Hashable {
  /// What the first certificate is for.
  enum Purpose: Sendable, Hashable {
    case codeSigning, timestamping
  }

  static let maximumLength = 10

  /// The one whose key signs comes first, the root last.
  let certificates: [Certificate]
  let leaf: Certificate

  /// - Throws: `Refusal`: what is not as it should be.
  init(_ certificates: [Certificate], for purpose: Purpose) throws(Refusal) {
    guard let leaf = certificates.first, let root = certificates.last else {
      throw Refusal("it has no certificate")
    }
    guard certificates.count <= Self.maximumLength else {
      throw Refusal("it has more than \(Self.maximumLength) certificates")
    }
    guard root.isIssued(by: root) else {
      throw Refusal("the last certificate, \(root.subjectForMessage), is no root: it is not signed by itself")
    }
    for (certificate, issuer) in zip(certificates, certificates.dropFirst()) {
      guard !certificate.isIssued(by: certificate) else {
        throw Refusal(
          "the certificate \(certificate.subjectForMessage) is signed by itself, but is not the last one")
      }
      guard certificate.isIssued(by: issuer) else {
        throw Refusal(
          "the certificate \(certificate.subjectForMessage) is not issued by the next one, \(issuer.subjectForMessage)"
        )
      }
    }
    for (index, certificate) in certificates.enumerated() {
      do {
        try certificate.checkSignatureAlgorithm()
        if index == 0 {
          try certificate.checkLeaf(for: purpose)
        } else {
          try certificate.checkAuthority(for: purpose, intermediates: index - 1)
        }
      } catch let refusal as Refusal {
        throw refusal
      } catch {
        throw Refusal("the certificate \(certificate.subjectForMessage) has an extension that cannot be read")
      }
    }
    self.certificates = certificates
    self.leaf = leaf
  }

  /// Finds the way from a certificate to a trusted root.
  /// - Parameters:
  ///   - others: what may be between them, in any order.
  ///   - time: at which all are to be valid.
  /// - Throws: `Refusal`
  init(
    from leaf: Certificate, through others: [Certificate], to roots: [Certificate], at time: Date,
    for purpose: Purpose
  ) throws(Refusal) {
    var refusal: Refusal?
    // Ways that are not at their end. Real ones are short; somebody may give certificates of one name that all issue one
    // another, which have many.
    var open: [[Certificate]] = [[leaf]]
    var steps = 0
    while let way = open.popLast(), let last = way.last, steps < 32 {
      steps += 1
      if roots.contains(last) {
        do {
          let chain = try CertificateChain(way, for: purpose)
          try chain.checkValidity(from: time, to: time)
          try chain.checkCriticalExtensions()
          self = chain
          return
        } catch { refusal = error }
      }
      guard way.count < Self.maximumLength else { continue }
      // The last one is the next to be followed, so that roots come before others.
      var known = Set(way)
      for issuer in others + roots where !known.contains(issuer) && last.isIssued(by: issuer) {
        known.insert(issuer)
        open.append(way + [issuer])
      }
    }
    throw refusal
      ?? Refusal("the certificate \(leaf.subjectForMessage) does not lead to a root that is trusted for this")
  }

  /// - Throws: `Refusal`: a certificate is not valid yet, or no more, in a part of that time.
  func checkValidity(from start: Date, to end: Date) throws(Refusal) {
    for certificate in certificates {
      guard certificate.notValidBefore <= start else {
        throw Refusal(
          "the certificate \(certificate.subjectForMessage) is not valid before "
            + "\(certificate.notValidBefore.isoText), which is after \(start.isoText)")
      }
      guard end <= certificate.notValidAfter else {
        throw Refusal(
          "the certificate \(certificate.subjectForMessage) expired at \(certificate.notValidAfter.isoText), "
            + "which is before \(end.isoText)")
      }
    }
  }

  /// RFC 5280, section 4.2: what is critical and not understood refuses the certificate. The Notary Project wants that
  /// for time stamps only (there, by RFC 3161 and the programs that verify).
  private func checkCriticalExtensions() throws(Refusal) {
    let understood: [ASN1ObjectIdentifier] = [
      .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
    ]
    for certificate in certificates {
      for found in certificate.extensions where found.critical && !understood.contains(found.oid) {
        throw Refusal(
          "the certificate \(certificate.subjectForMessage) has the critical extension \(found.oid), which is not "
            + "supported")
      }
    }
  }
}
