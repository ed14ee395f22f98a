import ContainerImage
import FoundationEssentials
import X509

/// A signature of the Notary Project, read, whichever of the two forms it has. Whether it is good is not said.
struct NotationEnvelope: Sendable, Hashable {
  /// Bytes of an envelope. Ten certificates and a time stamp take less than 100 KiB.
  static let maximumSize = 1 << 20

  static let jws = MediaType("application/jose+json")
  static let cose = MediaType("application/cose")

  let headers: NotationHeaders
  let algorithm: NotationAlgorithm
  let payload: [UInt8]
  /// What the signature is over.
  let signedBytes: [UInt8]
  let signature: [UInt8]
  /// The signing certificate first; that they belong together is not checked yet.
  let certificates: [Certificate]
  /// A time stamp over the signature, which the signature does not cover.
  let timestamp: [UInt8]?

  /// - Parameter mediaType: of the layer that the bytes are from.
  /// - Throws: `Refusal`
  init(parsing bytes: [UInt8], mediaType: MediaType) throws(Refusal) {
    guard bytes.count <= Self.maximumSize else { throw Refusal("it has more than \(Self.maximumSize) bytes") }
    switch mediaType {
    case Self.jws: try self.init(jws: bytes)
    case Self.cose: try self.init(cose: bytes)
    default:
      throw Refusal(
        "the media type \(mediaType.description.quotedForMessage) is none of a notation signature: \(Self.jws) or "
          + "\(Self.cose) is expected")
    }
  }

  init(
    headers: NotationHeaders, algorithm: NotationAlgorithm, payload: [UInt8], signedBytes: [UInt8],
    signature: [UInt8], certificates: [Certificate], timestamp: [UInt8]?
  ) {
    self.headers = headers
    self.algorithm = algorithm
    self.payload = payload
    self.signedBytes = signedBytes
    self.signature = signature
    self.certificates = certificates
    self.timestamp = timestamp
  }

  /// - Throws: `Refusal`
  static func certificates(_ encoded: [[UInt8]]) throws(Refusal) -> [Certificate] {
    guard !encoded.isEmpty, encoded.count <= CertificateChain.maximumLength else {
      throw Refusal(
        "it has \(encoded.count) certificates; 1 to \(CertificateChain.maximumLength) are expected")
    }
    var certificates: [Certificate] = []
    for der in encoded { certificates.append(try Certificate(parsing: der[...])) }
    return certificates
  }

  /// Checks what needs nothing but the envelope: the certificates are a chain by the rules, the algorithm is the one of
  /// the first one's key, and that key made the signature.
  /// - Throws: `Refusal`
  func verifiedChain() throws(Refusal) -> CertificateChain {
    let chain = try CertificateChain(certificates, for: .codeSigning)
    let expected = try NotationAlgorithm(for: chain.leaf)
    guard algorithm == expected else {
      throw Refusal(
        "it says that it is made by \(algorithm.rawValue), but the certificate's key is for \(expected.rawValue)"
      )
    }
    guard let key = try? PublicKey(chain.leaf.publicKey),
      key.isValidSignature(signature, for: signedBytes, by: expected.scheme)
    else { throw Refusal("the signature does not match: the signed content is not what was signed") }
    return chain
  }
}
