import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// A time that an authority vouches for.
struct ProvenTime: Sendable, Hashable {
  let time: Date
  /// The bounds of the time, by the accuracy that the authority promises.
  let earliest: Date
  let latest: Date
  /// The authority's certificates.
  let chain: CertificateChain
}

/// A time stamp (TimeStampToken, RFC 3161, section 2.4.2, with RFC 5816), in DER, with one signer by ECDSA or RSA
/// (PKCS #1, version 1.5).
struct TimestampToken: Sendable {
  static let maximumSize = 1 << 18

  private let data: CMSSignedData
  private let info: TimestampInfo

  /// - Throws: `Refusal`
  init(parsing bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.maximumSize else {
      throw Refusal("the time stamp has more than \(Self.maximumSize) bytes")
    }
    do {
      data = try CMSSignedData(derEncoded: bytes)
      guard data.contentType == Self.infoType else {
        throw ASN1Error.invalidASN1Object(reason: "other content is signed")
      }
      info = try TimestampInfo(derEncoded: data.content)
    } catch {
      throw Refusal("the time stamp cannot be read: a TimeStampToken (RFC 3161) in DER is expected")
    }
  }

  /// Says when the message was there, if the token is good and its authority is trusted.
  /// - Parameters:
  ///   - message: what the time stamp is to be over.
  ///   - certificates: that may lead to a root, beside those in the token; an authority may leave even its own out.
  ///   - roots: authorities that are trusted for time stamps.
  /// - Throws: `Refusal`
  func verify(
    over message: [UInt8], certificates: [Certificate] = [], roots: [Certificate]
  ) throws(Refusal) -> ProvenTime {
    guard let imprintHash = info.imprintAlgorithm.hash else {
      throw Refusal(
        "the time stamp uses a hash that is not accepted: SHA-256, SHA-384 or SHA-512 is expected")
    }
    guard imprintHash.digest(of: message) == info.imprint else {
      throw Refusal("the time stamp is over something else")
    }
    let signing = try signingCertificate(among: data.certificates + certificates)
    try verifySignature(by: signing)
    let chain: CertificateChain
    do throws(Refusal) {
      chain = try CertificateChain(
        from: signing, through: data.certificates + certificates, to: roots, at: info.time, for: .timestamping
      )
    } catch {
      throw Refusal("the time stamp's authority is not accepted: \(error)")
    }
    return ProvenTime(
      time: info.time, earliest: info.time.addingTimeInterval(-info.accuracy),
      latest: info.time.addingTimeInterval(info.accuracy), chain: chain)
  }

  /// The certificate that the signer says, in what is signed, it signed with (RFC 5816, section 2.2.1; RFC 5035,
  /// section 4). Without that, another certificate of the same key could be put in its place.
  private func signingCertificate(among certificates: [Certificate]) throws(Refusal) -> Certificate {
    guard let attribute = data.signer.signedAttributes[Self.signingCertificateV2] else {
      throw Refusal("the time stamp does not say by signing-certificate-v2 which certificate signed it")
    }
    let algorithm: AlgorithmName?
    let digest: [UInt8]
    do {
      guard let first = try attribute.parts.first?.parts.first else {
        throw ASN1Error.invalidASN1Object(reason: "there is no certificate")
      }
      var nodes = try first.parts[...]
      algorithm =
        try nodes.first?.identifier == .sequence ? AlgorithmName(derEncoded: nodes.removeFirst()) : nil
      guard let node = nodes.first else { throw ASN1Error.invalidASN1Object(reason: "the hash is missing") }
      digest = Array(try ASN1OctetString(derEncoded: node).bytes)
    } catch {
      throw Refusal("the time stamp's signing-certificate-v2 cannot be read")
    }
    // SHA-256 where none is named.
    let hash = algorithm.map { $0.hash } ?? .sha256
    guard let hash else {
      throw Refusal("the time stamp's signing-certificate-v2 uses a hash that is not accepted")
    }
    let found = certificates.first { data.signer.isMade(by: $0) && hash.digest(of: $0.der) == digest }
    guard let found else { throw Refusal("the certificate that signed the time stamp is missing") }
    return found
  }

  private func verifySignature(by certificate: Certificate) throws(Refusal) {
    let signer = data.signer
    guard let hash = signer.digestAlgorithm.hash,
      let algorithm = signer.signatureAlgorithm.signatureAlgorithm(with: hash)
    else { throw Refusal("the time stamp is signed with an algorithm that is not supported") }
    guard let typeNode = signer.signedAttributes[Self.contentTypeAttribute],
      let type = try? ASN1ObjectIdentifier(derEncoded: typeNode), type == data.contentType
    else { throw Refusal("the time stamp's signature is not over a time stamp") }
    guard let digestNode = signer.signedAttributes[Self.messageDigestAttribute],
      let digest = try? ASN1OctetString(derEncoded: digestNode),
      Array(digest.bytes) == hash.digest(of: data.content)
    else { throw Refusal("the time stamp's signature is over something else") }
    let isValid = certificate.publicKey.isValidSignature(
      signer.signature, for: signer.signedBytes, signatureAlgorithm: algorithm)
    guard isValid else { throw Refusal("the time stamp's signature does not match") }
  }

  private static let infoType: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 9, 16, 1, 4]
  private static let contentTypeAttribute: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 9, 3]
  private static let messageDigestAttribute: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 9, 4]
  private static let signingCertificateV2: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 9, 16, 2, 47]
}

extension SignatureScheme.SignatureHash {
  func digest(of message: [UInt8]) -> [UInt8] {
    switch self {
    case .sha256: Array(SHA256.hash(data: message))
    case .sha384: Array(SHA384.hash(data: message))
    case .sha512: Array(SHA512.hash(data: message))
    }
  }
}
