import ContainerImage
import FoundationEssentials
import SwiftASN1
import X509

/// The lists of revoked certificates that are at hand. Nothing is fetched, and nobody is asked by OCSP.
struct RevocationLists: Sendable {
  let lists: [CertificateRevocationList]

  /// Notary Project, trust policy specification, section "Certificate Revocation Evaluation".
  /// - Parameters:
  ///   - now: the present.
  ///   - signedAt: when the first certificate's key signed, if somebody else proves it: a revocation counts from the time
  ///     on that the list names.
  /// - Throws: `Refusal`: a certificate is revoked, or says that it can be, and no list says that it is not.
  func check(_ chain: CertificateChain, at now: Date, signedAt: Date? = nil) throws(Refusal) {
    // The root is trusted because it is configured, not because nobody revoked it.
    for (certificate, issuer) in zip(chain.certificates, chain.certificates.dropFirst()).reversed() {
      let lists = lists.filter { $0.isSigned(by: issuer) }
      if lists.contains(where: { $0.revokes(certificate, signedAt: signedAt) }) {
        throw Refusal("the certificate \(certificate.subjectForMessage) is revoked")
      }
      if lists.contains(where: { $0.thisUpdate <= now && now <= $0.nextUpdate }) { continue }
      let what = "whether the certificate \(certificate.subjectForMessage) is revoked is not known: "
      if let last = lists.map(\.nextUpdate).max() {
        throw Refusal(
          what + "the list of \(issuer.subjectForMessage) is not for this time; it ends at \(last.isoText)")
      }
      guard !certificate.namesRevocationSources else {
        throw Refusal(
          what + "there is no revocation list (CRL) of \(issuer.subjectForMessage); OCSP is not supported")
      }
    }
  }
}

extension Certificate {
  /// Whether it says where to ask for its revocation: CRL distribution points or an OCSP responder. One that does not
  /// cannot be revoked.
  fileprivate var namesRevocationSources: Bool {
    if extensions[oid: [2, 5, 29, 31]] != nil { return true }
    guard extensions[oid: .X509ExtensionID.authorityInformationAccess] != nil else { return false }
    guard let access = try? extensions.authorityInformationAccess else { return true }
    return access.contains { $0.method == .ocspServer }
  }
}
