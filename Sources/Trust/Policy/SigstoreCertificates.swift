import ContainerImage
import FoundationEssentials
import X509

/// Signatures in cosign's form by holders of certificates of one's own authorities, without Fulcio and logs
/// (containers-policy.json(5), `pki`). Nothing says when they were made, so the certificate has to be valid now.
struct SigstoreCertificates: Sendable {
  private let authorities: [CertificateAuthority]
  /// What the certificate must name, each if it is there.
  private let email: String?
  private let hostname: String?

  init(roots: [Certificate], intermediates: [Certificate], email: String?, hostname: String?) {
    authorities = roots.map {
      CertificateAuthority(anchor: $0, intermediates: intermediates, period: .always)
    }
    self.email = email
    self.hostname = hostname
  }

  /// - Returns: with it, when the certificate expires.
  func verify(
    _ signature: CosignSignature, of image: PolicyImage, at time: Date
  ) -> (SigstoreFinding, Date?) {
    verify(.cosign, at: time, signature.certificates) { verifier in
      verifier.verify(signature, of: image.digest, at: time)
    }
  }

  func verify(
    attestation: CosignSignature, of image: PolicyImage, at time: Date
  ) -> (SigstoreFinding, Date?) {
    verify(.cosignAttestation, at: time, attestation.certificates) { verifier in
      verifier.verify(attestation: attestation, of: image.digest, at: time)
    }
  }

  func verify(
    bundle: [UInt8], of image: PolicyImage, at time: Date
  ) -> (SigstoreFinding, Date?) {
    verify(.sigstoreBundle, at: time) { () throws(Refusal) in
      try SigstoreBundle(parsing: bundle).certificates
    } by: { verifier in
      verifier.verify(bundle: bundle, of: image.manifest, digest: image.digest, at: time)
    }
  }

  private func verify(
    _ format: SignatureVerdict.Format, at time: Date, _ certificates: () throws(Refusal) -> [Certificate],
    by verify: (SigstoreVerifier) -> SigstoreFinding
  ) -> (SigstoreFinding, Date?) {
    do throws(Refusal) {
      let all = try certificates()
      guard let leaf = all.first else { throw Refusal("it has no certificate that says whose it is") }
      let key = try check(leaf, with: Array(all.dropFirst()), at: time)
      let finding = verify(SigstoreVerifier(signers: .keys([key]), requiresLogEntry: false))
      guard case .good(_, let signedAt) = finding.verdict.outcome else { return (finding, nil) }
      let signer = Signer.certificate(
        subject: leaf.subject.description, fingerprint: leaf.fingerprint)
      let verdict = SignatureVerdict(
        format: format, digest: finding.verdict.digest, outcome: .good(signer, signedAt: signedAt))
      return (
        SigstoreFinding(verdict: verdict, claim: finding.claim, predicateType: finding.predicateType),
        leaf.notValidAfter
      )
    } catch {
      let verdict = SignatureVerdict(format: format, digest: nil, outcome: .bad(error.description))
      return (SigstoreFinding(verdict: verdict), nil)
    }
  }

  private func check(
    _ leaf: Certificate, with others: [Certificate], at time: Date
  ) throws(Refusal) -> PublicKey {
    _ = try CertificatePath(time: time)
      .issuer(of: leaf, under: authorities, with: others)
    guard let usages = try? leaf.extensions.extendedKeyUsage, usages.contains(.codeSigning),
      (try? leaf.extensions.keyUsage).map({ $0?.digitalSignature ?? true }) == true,
      !leaf.hasUnknownCriticalExtension
    else { throw Refusal("its certificate is not one for signing code") }
    let names = ((try? leaf.extensions.subjectAlternativeNames) ?? nil).map { Array($0) } ?? []
    let emails = names.compactMap { if case .rfc822Name(let name) = $0 { name } else { nil } }
    let hosts = names.compactMap { if case .dnsName(let name) = $0 { name } else { nil } }
    if let email, !emails.contains(where: email.isLetterForLetter) {
      throw Refusal("its certificate is not for \(email.quotedForMessage)")
    }
    if let hostname, !hosts.contains(where: hostname.isLetterForLetter) {
      throw Refusal("its certificate is not for \(hostname.quotedForMessage)")
    }
    do { return try PublicKey(leaf.publicKey) } catch { throw Refusal("\(error)") }
  }
}

extension CosignSignature {
  /// The signer's first.
  fileprivate func certificates() throws(Refusal) -> [Certificate] {
    let material = try SigstoreVerifier.Material(annotations)
    return [material.certificate].compactMap { $0 } + material.otherCertificates
  }
}
