import ContainerImage
import CryptoExtras
import SwiftASN1
import X509

/// The rules for one certificate of a chain (Notary Project, signature specification, section "Certificate Requirements").
extension Certificate {
  /// - Throws: `Refusal`: it is signed with SHA-1, or what is not supported.
  func checkSignatureAlgorithm() throws(Refusal) {
    let safe: [SignatureAlgorithm] = [
      .ecdsaWithSHA256, .ecdsaWithSHA384, .ecdsaWithSHA512, .sha256WithRSAEncryption,
      .sha384WithRSAEncryption,
      .sha512WithRSAEncryption,
    ]
    guard safe.contains(signatureAlgorithm) else {
      throw refusal(
        "is signed with an algorithm that is not accepted: SHA-256, SHA-384 or SHA-512 is expected")
    }
  }

  /// - Throws: `Refusal`, or another error for an extension that cannot be read.
  func checkLeaf(for purpose: CertificateChain.Purpose) throws {
    if case .isCertificateAuthority = try extensions.basicConstraints {
      throw refusal("is an authority's and so cannot sign: its basic constraints have cA")
    }
    let usage = try keyUsage(for: purpose)
    guard usage.digitalSignature else {
      throw refusal("is not for signing: its key usage lacks digitalSignature")
    }
    let forbidden: [(Bool, String)] = [
      (usage.keyEncipherment, "keyEncipherment"), (usage.dataEncipherment, "dataEncipherment"),
      (usage.keyAgreement, "keyAgreement"), (usage.keyCertSign, "keyCertSign"), (usage.cRLSign, "cRLSign"),
      (usage.encipherOnly, "encipherOnly"), (usage.decipherOnly, "decipherOnly"),
    ]
    if let (_, name) = forbidden.first(where: \.0) {
      throw refusal("is not for signing only: its key usage has \(name)")
    }
    try checkExtendedKeyUsage(for: purpose)
    _ = try NotationAlgorithm(for: self)
  }

  private func checkExtendedKeyUsage(for purpose: CertificateChain.Purpose) throws {
    let usages = try extensions.extendedKeyUsage
    switch purpose {
    case .codeSigning:
      // OCSP signing is not in the specification's list, but in the one of the Notary Project's programs.
      let forbidden: [ExtendedKeyUsage.Usage] = [
        .any, .serverAuth, .clientAuth, .emailProtection, .timeStamping, .ocspSigning,
      ]
      if let usage = usages?.first(where: { forbidden.contains($0) }) {
        throw refusal("is for something else than signing code: its extended key usage has \(usage)")
      }
    case .timestamping:
      guard let usages, usages.count == 1, usages.contains(.timeStamping),
        extensions[oid: .X509ExtensionID.extendedKeyUsage]?.critical == true
      else {
        throw refusal(
          "is not for time stamps only: its extended key usage is to be timeStamping alone, and critical")
      }
    }
  }

  /// - Parameter intermediates: how many certificates of authorities are below it.
  /// - Throws: `Refusal`, or another error for an extension that cannot be read.
  func checkAuthority(for purpose: CertificateChain.Purpose, intermediates: Int) throws {
    guard case .isCertificateAuthority(let maximum) = try extensions.basicConstraints,
      extensions[oid: .X509ExtensionID.basicConstraints]?.critical == true
    else { throw refusal("is no authority's: its basic constraints lack cA, or are not critical") }
    if let maximum, maximum < intermediates {
      throw refusal("allows \(maximum) authorities below it; there are \(intermediates)")
    }
    guard try keyUsage(for: purpose).keyCertSign else {
      throw refusal("may not issue certificates: its key usage lacks keyCertSign")
    }
  }

  private func keyUsage(for purpose: CertificateChain.Purpose) throws -> KeyUsage {
    guard let usage = try extensions.keyUsage else { throw refusal("has no key usage") }
    // For time stamps it SHOULD be critical only.
    guard purpose == .timestamping || extensions[oid: .X509ExtensionID.keyUsage]?.critical == true else {
      throw refusal("has a key usage that is not critical")
    }
    return usage
  }

  private func refusal(_ rest: String) -> Refusal { Refusal("the certificate \(subjectForMessage) \(rest)") }
}
