import ContainerImage
import FoundationEssentials
import X509

/// A signature as cosign makes it, beside the image or in a bundle that refers to it.
public struct SigstoreRequirement: Sendable {
  /// How it is known whose signatures count.
  enum Verifier: Sendable {
    case sigstore(SigstoreVerifier)
    case certificates(SigstoreCertificates)
  }

  let verifier: Verifier
  public let identity: SignedIdentity
  /// The kind of statement about the image that has to be there; nil if it is the signature of the image itself.
  public let predicateType: String?

  /// None where certificates of one's own authorities count.
  var signers: [Signer] {
    guard case .sigstore(let verifier) = verifier else { return [] }
    return switch verifier.signers {
    case .keys(let keys): keys.map { .publicKey(keyID: $0.keyID) }
    case .identities(let identities):
      identities.map { .identity(issuer: $0.issuer, subject: $0.subject) }
    }
  }

  func judge(
    _ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date
  ) -> [JudgedSignature] {
    let findings: [(SigstoreFinding, Date?)]
    let signatures = evidence.cosign.prefix(SignatureEvidence.maximumCount)
    let attestations = evidence.cosignAttestations.prefix(SignatureEvidence.maximumCount)
    let bundles = evidence.sigstoreBundles.prefix(SignatureEvidence.maximumCount)
    switch verifier {
    case .sigstore(let verifier):
      findings =
        signatures.map { (verifier.verify($0, of: image.digest, at: time), nil) }
        + attestations.map { (verifier.verify(attestation: $0, of: image.digest, at: time), nil) }
        + bundles.map {
          (verifier.verify(bundle: $0, of: image.manifest, digest: image.digest, at: time), nil)
        }
    case .certificates(let certificates):
      findings =
        signatures.map { certificates.verify($0, of: image, at: time) }
        + attestations.map { certificates.verify(attestation: $0, of: image, at: time) }
        + bundles.map { certificates.verify(bundle: $0, of: image, at: time) }
    }
    return findings.map { finding, validUntil in judge(finding, validUntil, of: image) }
  }

  private func judge(
    _ finding: SigstoreFinding, _ validUntil: Date?, of image: PolicyImage
  ) -> JudgedSignature {
    let signature = JudgedSignature(
      verdict: finding.verdict, claim: finding.claim, validUntil: validUntil)
    guard finding.verdict.isGood else { return signature }
    if let predicateType {
      guard finding.predicateType == predicateType else {
        let found = finding.predicateType ?? "the image itself"
        return signature.refused(
          "it is over \(found.quotedForMessage), not over a statement of the type asked for",
          isOfAnotherKind: true)
      }
    } else if !finding.isGoodSignature {
      let found = finding.predicateType ?? ""
      return signature.refused(
        "it is over a statement of the type \(found.quotedForMessage) about the image", isOfAnotherKind: true)
    }
    return signature.checked(by: identity, for: image)
  }
}

extension PolicyReader {
  mutating func sigstoreSigned(_ node: JSONNode) throws(InvalidValue) -> SigstoreRequirement {
    let members = try node.members(
      "type", "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki", "rekorPublicKeyPath",
      "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas", "trustedRootPath",
      "trustedRootData",
      "predicateType", "signedIdentity")
    let keys = try material("key", of: members)
    let logKeys = try material("rekorPublicKey", of: members)
    let root = try material("trustedRoot", of: members).first
    guard root == nil || logKeys.isEmpty else {
      throw node.failure("the trusted root names the logs: leave out rekorPublicKey…")
    }
    let verifier: SigstoreRequirement.Verifier
    switch (keys.isEmpty, members["fulcio"], members["pki"]) {
    case (false, nil, nil):
      verifier = .sigstore(try keyVerifier(keys, logKeys, root))
    case (true, let fulcio?, nil):
      verifier = .sigstore(try identityVerifier(fulcio, logKeys, root))
    case (true, nil, let pki?):
      guard logKeys.isEmpty, root == nil else {
        throw node.failure("with pki, logs are not looked at: leave out rekorPublicKey… and trustedRoot…")
      }
      verifier = .certificates(try certificates(pki))
    default:
      throw node.failure("expected exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, pki")
    }
    return SigstoreRequirement(
      verifier: verifier, identity: try identity(members["signedIdentity"]),
      predicateType: try members["predicateType"]?.string())
  }

  private func keyVerifier(
    _ keys: [Material], _ logKeys: [Material], _ root: Material?
  ) throws(InvalidValue) -> SigstoreVerifier {
    var parsed: [PublicKey] = []
    for key in keys {
      parsed.append(try key.used { bytes throws(TrustError) in try PublicKey(parsing: bytes) })
    }
    let trusted = try trustRoot(authorities: [], logKeys, root)
    if let root, trusted.logs.isEmpty { throw root.failure("the trusted root has no logs") }
    return SigstoreVerifier(
      signers: .keys(parsed), root: trusted, requiresLogEntry: !trusted.logs.isEmpty)
  }

  private mutating func identityVerifier(
    _ node: JSONNode, _ logKeys: [Material], _ root: Material?
  ) throws(InvalidValue) -> SigstoreVerifier {
    let members = try node.members("caPath", "caData", "oidcIssuer", "subjectEmail", "subjectURI")
    let authorities = try material("ca", of: members)
    if root == nil {
      guard !authorities.isEmpty else { throw node.failure("caPath or caData is missing") }
      guard !logKeys.isEmpty else {
        throw node.failure("rekorPublicKeyPath or rekorPublicKeyData is missing beside it")
      }
    } else if !authorities.isEmpty {
      throw node.failure("the trusted root names the authorities: leave out caPath and caData")
    }
    let issuer = try members.needed("oidcIssuer").string()
    let identity: SigstoreIdentity
    switch (members["subjectEmail"], members["subjectURI"]) {
    case (let email?, nil):
      identity = SigstoreIdentity(issuer: issuer, subject: try email.string(), kind: .email)
    case (nil, let uri?): identity = SigstoreIdentity(issuer: issuer, subject: try uri.string(), kind: .uri)
    default: throw node.failure("expected one of subjectEmail, subjectURI")
    }
    let trusted = try trustRoot(authorities: authorities, logKeys, root)
    return SigstoreVerifier(
      signers: .identities([identity]), root: trusted, requiresLogEntry: !trusted.logs.isEmpty)
  }

  private func trustRoot(
    authorities: [Material], _ logKeys: [Material], _ root: Material?
  ) throws(InvalidValue) -> SigstoreTrustRoot {
    if let root { return try root.used { bytes throws(TrustError) in try SigstoreTrustRoot(parsing: bytes) } }
    // One by one first, so that the message has the place.
    for one in authorities {
      _ = try one.used { bytes throws(TrustError) in try SigstoreTrustRoot(authorities: [bytes]) }
    }
    for one in logKeys {
      _ = try one.used { bytes throws(TrustError) in try SigstoreTrustRoot(logKeys: [bytes]) }
    }
    do {
      return try SigstoreTrustRoot(authorities: authorities.map(\.bytes), logKeys: logKeys.map(\.bytes))
    } catch { throw .malformed("\(error)") }
  }

  private mutating func certificates(_ node: JSONNode) throws(InvalidValue) -> SigstoreCertificates {
    let members = try node.members(
      "caRootsPath", "caRootsData", "caIntermediatesPath", "caIntermediatesData", "subjectEmail",
      "subjectHostname")
    let roots = try neededMaterial("caRoots", of: members)
    let intermediates = try material("caIntermediates", of: members)
    guard members["subjectEmail"] != nil || members["subjectHostname"] != nil else {
      throw node.failure("subjectEmail or subjectHostname is missing")
    }
    func certificates(_ materials: [Material]) throws(InvalidValue) -> [Certificate] {
      var certificates: [Certificate] = []
      for one in materials {
        do throws(Refusal) {
          certificates += try Certificate.certificates(parsing: one.bytes)
        } catch { throw one.failure("\(error)") }
      }
      return certificates
    }
    return SigstoreCertificates(
      roots: try certificates(roots), intermediates: try certificates(intermediates),
      email: try members["subjectEmail"]?.string(), hostname: try members["subjectHostname"]?.string())
  }
}

extension PolicyReader.Material {
  fileprivate func used<Value>(
    _ parse: ([UInt8]) throws(TrustError) -> Value
  ) throws(InvalidValue) -> Value {
    do { return try parse(bytes) } catch { throw failure("\(error)") }
  }
}
