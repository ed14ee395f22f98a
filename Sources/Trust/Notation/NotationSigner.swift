import ContainerImage
import FoundationEssentials
import X509

/// Signs as the notation program does, with a key and a chain of certificates, in the JSON form.
public struct NotationSigner: Sendable {
  private let key: SigningKey
  private let chain: CertificateChain
  private let algorithm: NotationAlgorithm

  /// - Parameters:
  ///   - key: the one of the first certificate.
  ///   - certificates: in PEM, from the signing one to the root, each issued by the next.
  /// - Throws: `TrustError.unusable`: they cannot be read, do not suit each other, or are none for signing code.
  public init(key: SigningKey, certificates: [UInt8]) throws(TrustError) {
    do throws(Refusal) {
      chain = try CertificateChain(try Certificate.certificates(parsing: certificates), for: .codeSigning)
      algorithm = try NotationAlgorithm(for: chain.leaf)
      guard let certified = try? PublicKey(chain.leaf.publicKey), certified == key.publicKey else {
        throw Refusal("the certificate \(chain.leaf.subjectForMessage) is for another key than the one given")
      }
    } catch {
      throw .unusable(what: "the certificate chain for signing", reason: error.description)
    }
    self.key = key
  }

  /// - Parameters:
  ///   - manifest: what is signed; only type, digest and size are.
  ///   - time: the present. Parts of a second are left out.
  ///   - expiry: from which on the signature does not count; nil for never.
  ///   - agent: who signs, such as `kontor/1.0`; nobody trusts that.
  /// - Throws: `TrustError.unusable`: a certificate is not valid at that time; `TrustError.failed`
  public func sign(
    _ manifest: Descriptor, at time: Date, expiry: Date? = nil, agent: String
  ) throws(TrustError) -> NotationSignature {
    do throws(Refusal) {
      try chain.checkValidity(from: time, to: time)
      // Both are written in whole seconds.
      if let expiry, expiry.isoText <= time.isoText { throw Refusal("the signature would expire at once") }
    } catch {
      throw .unusable(what: "the certificate chain for signing", reason: error.description)
    }
    let protected = StrictBase64.encodeURL(Array(protectedHeader(at: time, expiry: expiry).line.utf8))
    let payload = StrictBase64.encodeURL(NotationPayload(manifest).bytes)
    let signature = try key.sign(Array("\(protected).\(payload)".utf8), by: algorithm.scheme)
    let certificates = chain.certificates.map { OrderedJSON.string(Data($0.der).base64EncodedString()) }
    let envelope = OrderedJSON.object([
      OrderedJSON.Member(name: "payload", value: .string(payload)),
      OrderedJSON.Member(name: "protected", value: .string(protected)),
      OrderedJSON.Member(
        name: "header",
        value: .object([
          OrderedJSON.Member(name: "x5c", value: .array(certificates)),
          OrderedJSON.Member(name: NotationHeaders.Name.signingAgent, value: .string(agent)),
        ])),
      OrderedJSON.Member(name: "signature", value: .string(StrictBase64.encodeURL(signature))),
    ])
    let bytes = Array(envelope.line.utf8)
    var result = NotationSignature(
      envelope: bytes,
      descriptor: Descriptor(
        mediaType: NotationEnvelope.jws, digest: Digest(hashing: bytes), size: Int64(bytes.count)),
      thumbprints: chain.certificates.map(\.fingerprint))
    result.manifest = NotationSignatureManifest.bytes(for: result, over: manifest, at: time)
    return result
  }

  private func protectedHeader(at time: Date, expiry: Date?) -> OrderedJSON {
    var critical = [NotationHeaders.Name.signingScheme]
    if expiry != nil { critical.append(NotationHeaders.Name.expiry) }
    var members = [
      OrderedJSON.Member(name: "alg", value: .string(algorithm.rawValue)),
      OrderedJSON.Member(name: "crit", value: .array(critical.map(OrderedJSON.string))),
      OrderedJSON.Member(name: "cty", value: .string(NotationHeaders.payloadType)),
      OrderedJSON.Member(
        name: NotationHeaders.Name.signingScheme, value: .string(NotationSigningScheme.x509.rawValue)),
      OrderedJSON.Member(name: NotationHeaders.Name.signingTime, value: .string(time.isoText)),
    ]
    if let expiry {
      members.append(OrderedJSON.Member(name: NotationHeaders.Name.expiry, value: .string(expiry.isoText)))
    }
    return .object(members)
  }
}
