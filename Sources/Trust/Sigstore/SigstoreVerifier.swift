import ContainerImage
import FoundationEssentials
import X509

/// Says what signatures are worth that cosign and other programs of Sigstore make, without asking anybody: by keys, or by
/// identities whose certificates and log entries come with the signature.
///
/// It is made once and used for many signatures. What a signature costs grows with its size alone, which
/// `maximumSize` bounds.
public struct SigstoreVerifier: Sendable {
  /// Bytes of a bundle, or of a payload. Attestations can be long: lists of all that is in an image.
  public static let maximumSize = 8 << 20
  /// How far a log's or a timestamp authority's clock may be ahead of the present, in seconds.
  public static let clockSkew: TimeInterval = 300

  /// Whose signatures count.
  public enum Signers: Sendable, Hashable {
    /// The holders of any of these keys. Certificates that come with a signature count for nothing.
    case keys([PublicKey])
    /// Who proved to an identity provider to be one of these when they got their certificate.
    case identities([SigstoreIdentity])
  }

  public let signers: Signers
  public let root: SigstoreTrustRoot
  /// Whether each signature must be in one of the root's logs. If not, an entry that is there and of a known log must be
  /// good all the same.
  public let requiresLogEntry: Bool

  /// - Parameter requiresLogEntry: identities without it need a timestamp of an authority, for something has to prove that
  ///   the signature was made while the certificate was valid.
  public init(signers: Signers, root: SigstoreTrustRoot = SigstoreTrustRoot(), requiresLogEntry: Bool) {
    self.signers = signers
    self.root = root
    self.requiresLogEntry = requiresLogEntry
  }

  /// Judges a signature of the tag scheme.
  /// - Parameters:
  ///   - digest: the manifest's that was asked for. That the tag is made of it proves nothing.
  ///   - now: the present.
  public func verify(_ signature: CosignSignature, of digest: Digest, at now: Date) -> SigstoreFinding {
    var signed: Digest?
    do {
      let payload: SimpleSigningPayload
      do {
        guard signature.payload.count <= Self.maximumSize else {
          throw InvalidValue.malformed("it has more than \(Self.maximumSize) bytes")
        }
        payload = try SimpleSigningPayload(parsing: signature.payload, as: .cosign)
      } catch { throw Refusal("its payload cannot be read: \(error)") }
      signed = payload.manifestDigest
      guard payload.manifestDigest == digest else {
        throw Refusal("it is over another manifest, \(payload.manifestDigest)")
      }
      let material = try Material(signature.annotations)
      let content = SignedContent(
        kind: .message, message: signature.payload, signature: try signature.signature())
      let (signer, time) = try signer(of: content, with: material, at: now)
      return SigstoreFinding(
        verdict: SignatureVerdict(
          format: .cosign, digest: digest, outcome: .good(signer, signedAt: time ?? payload.created)),
        claim: payload.reference)
    } catch {
      return SigstoreFinding(
        verdict: SignatureVerdict(format: .cosign, digest: signed, outcome: .bad("\(error)")))
    }
  }

  /// Judges an attestation of the tag scheme. What its layer's annotations say of the statement's type is not looked at.
  /// - Parameters:
  ///   - digest: the manifest's that was asked for. That the tag is made of it proves nothing.
  ///   - now: the present.
  public func verify(
    attestation: CosignSignature, of digest: Digest, at now: Date
  ) -> SigstoreFinding {
    var signed: Digest?
    do {
      let envelope = try DSSEEnvelope(parsing: attestation.payload)
      let statement = try envelope.statement(about: digest, &signed)
      let material = try Material(attestation.annotations)
      let (signer, time) = try signer(of: envelope.content, with: material, at: now)
      return SigstoreFinding(
        verdict: SignatureVerdict(
          format: .cosignAttestation, digest: digest, outcome: .good(signer, signedAt: time)),
        claim: statement.reference(of: digest), predicateType: statement.predicateType)
    } catch {
      return SigstoreFinding(
        verdict: SignatureVerdict(format: .cosignAttestation, digest: signed, outcome: .bad("\(error)")))
    }
  }

  /// Judges a bundle: a layer of an artifact that refers to the image.
  /// - Parameters:
  ///   - manifest: the image's, whose digest is `digest`.
  ///   - digest: what was asked for.
  ///   - now: the present.
  public func verify(
    bundle bytes: [UInt8], of manifest: [UInt8], digest: Digest, at now: Date
  ) -> SigstoreFinding {
    var signed: Digest?
    do {
      let bundle = try SigstoreBundle(parsing: bytes)
      let content: SignedContent
      var predicateType: String?
      switch bundle.content {
      case .message(let signature):
        guard Digest(digest.algorithm, hashing: manifest) == digest else {
          throw Refusal("the manifest is not the one of the digest \(digest)")
        }
        content = SignedContent(kind: .message, message: manifest, signature: signature)
        signed = digest
      case .envelope(let envelope):
        predicateType = try envelope.statement(about: digest, &signed).predicateType
        content = envelope.content
      }
      let material = Material(bundle)
      let (signer, time) = try signer(of: content, with: material, at: now)
      return SigstoreFinding(
        verdict: SignatureVerdict(
          format: .sigstoreBundle, digest: digest, outcome: .good(signer, signedAt: time)),
        predicateType: predicateType)
    } catch {
      return SigstoreFinding(
        verdict: SignatureVerdict(format: .sigstoreBundle, digest: signed, outcome: .bad("\(error)")))
    }
  }

  /// What comes with a signature to verify it.
  struct Material {
    let certificate: Certificate?
    let otherCertificates: [Certificate]
    let entries: [TransparencyLogEntry]
    /// Each a `TimeStampResp` (RFC 3161).
    let timestamps: [[UInt8]]
  }

  /// - Returns: who signed, and when, if that is proven.
  private func signer(
    of content: SignedContent, with material: Material, at now: Date
  ) throws(Refusal) -> (Signer, Date?) {
    switch signers {
    case .keys(let keys):
      guard let key = keys.first(where: { $0.verifies(content) }) else {
        throw Refusal("it was not made by any of the keys that count here")
      }
      let times = try times(of: content, with: material, verifier: key.der, at: now)
      return (.publicKey(keyID: key.keyID), times.min())
    case .identities(let identities):
      guard let certificate = material.certificate else {
        throw Refusal("it has no certificate that says whose it is")
      }
      let holder = try FulcioCertificate(certificate)
      guard holder.key.verifies(content) else {
        throw Refusal("its certificate's key did not make it")
      }
      let times = try times(of: content, with: material, verifier: certificate.der, at: now)
      guard let time = times.min() else {
        let refusal = timestamps(material.timestamps, over: content.signature).refusal
        throw Refusal(
          "nothing proves that it was made while its certificate was valid"
            + (refusal.map { ": \($0)" } ?? ""))
      }
      for time in times {
        let issuer = try CertificatePath(time: time).issuer(
          of: certificate, under: root.authorities, with: material.otherCertificates)
        if !root.certificateLogs.isEmpty {
          try SignedCertificateTimestamp.verify(certificate, issuedWith: issuer, by: root.certificateLogs)
        }
      }
      return (.identity(issuer: holder.issuer, subject: try holder.subject(among: identities)), time)
    }
  }

  /// When the signature was made, by each log and each authority that proves that it was there.
  private func times(
    of content: SignedContent, with material: Material, verifier: [UInt8], at now: Date
  ) throws(Refusal) -> [Date] {
    var times: [Date] = []
    var isLogged = false
    for entry in material.entries {
      guard let log = root.logs.first(where: { $0.id == entry.logID }) else { continue }
      if let time = try entry.verify(by: log) { times.append(time) }
      try LoggedContent(parsing: entry.body).check(isAbout: content, verifier: verifier)
      isLogged = true
    }
    guard isLogged || !requiresLogEntry else {
      throw Refusal("it is in none of the logs that count here")
    }
    times += timestamps(material.timestamps, over: content.signature).times
    guard let last = times.max() else { return [] }
    guard last <= now.addingTimeInterval(Self.clockSkew) else {
      throw Refusal("it is from the future, \(last.isoText)")
    }
    return times
  }
}

extension PublicKey {
  /// Whether it made the signature in one of the ways of Sigstore (sigstore, pkg/signature/algorithm_registry.go): with the
  /// curve's own hash, or SHA-256 as cosign did for long; with Ed25519, or Ed25519ph as cosign does by default.
  func verifies(_ content: SignedContent) -> Bool {
    let schemes: [SignatureScheme] =
      switch algorithm {
      case .ecdsaP256: [.ecdsa(.sha256, .der)]
      case .ecdsaP384: [.ecdsa(.sha384, .der), .ecdsa(.sha256, .der)]
      case .ecdsaP521: [.ecdsa(.sha512, .der), .ecdsa(.sha256, .der)]
      case .ed25519: [.ed25519, .ed25519ph]
      case .rsa: [.rsaPKCS1(.sha256), .rsaPSS(.sha256)]
      }
    return schemes.contains { isValidSignature(content.signature, for: content.message, by: $0) }
  }
}

extension FulcioCertificate {
  /// Which of its owner's names is one of these.
  fileprivate func subject(among identities: [SigstoreIdentity]) throws(Refusal) -> String {
    for subject in subjects {
      let isAsked = identities.contains {
        $0.issuer.isLetterForLetter(issuer) && $0.subject.isLetterForLetter(subject.name)
          && ($0.kind ?? subject.kind) == subject.kind
      }
      if isAsked { return subject.name }
    }
    let owner = subjects.map(\.name.quotedForMessage).joined(separator: ", ")
    throw Refusal("its signer, \(owner) (by \(issuer.quotedForMessage)), is none of those that count here")
  }
}

extension CosignSignature {
  fileprivate func signature() throws(Refusal) -> [UInt8] {
    guard let signature = annotations[Annotation.signature].flatMap(StrictBase64.decode) else {
      throw Refusal("its annotation \(Annotation.signature) is missing or is not base64")
    }
    return signature
  }
}

extension DSSEEnvelope {
  /// - Parameter signed: becomes the digest that the statement is about, this one if it is among several.
  fileprivate func statement(
    about digest: Digest, _ signed: inout Digest?
  ) throws(Refusal) -> InTotoStatement {
    let statement = try statement()
    signed = statement.subjects.first { $0 == digest } ?? statement.subjects.first
    guard signed == digest else { throw Refusal("it is not about this manifest") }
    return statement
  }
}

extension SigstoreVerifier.Material {
  init(_ annotations: [String: String]) throws(Refusal) {
    var certificates: [Certificate] = []
    if let pem = annotations[CosignSignature.Annotation.certificate] {
      certificates = try Certificate.certificates(parsing: Array(pem.utf8))
      guard certificates.count == 1 else { throw Refusal("it has more than one certificate") }
    }
    certificate = certificates.first
    // Cosign writes it empty, too.
    let chain = annotations[CosignSignature.Annotation.chain] ?? ""
    otherCertificates = chain.isEmpty ? [] : try Certificate.certificates(parsing: Array(chain.utf8))
    if let text = annotations[CosignSignature.Annotation.bundle] {
      entries = [try TransparencyLogEntry(annotation: text)]
    } else {
      entries = []
    }
    if let text = annotations[CosignSignature.Annotation.timestamp] {
      let document = try OrderedJSON(signed: Array(text.utf8), what: "its timestamp")
      timestamps = [try document.bytes("SignedRFC3161Timestamp")]
    } else {
      timestamps = []
    }
  }

  init(_ bundle: SigstoreBundle) {
    certificate = bundle.certificates.first
    otherCertificates = Array(bundle.certificates.dropFirst())
    entries = bundle.entries
    timestamps = bundle.timestamps
  }
}
