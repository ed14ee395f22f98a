import ContainerImage
import Crypto
import FoundationEssentials
import SwiftASN1
import X509

extension Certificate {
  /// Bytes of a file with certificates.
  static let maximumFileSize = 1 << 20

  /// The certificates of a file: PEM, one or several, or one in DER.
  /// - Throws: `Refusal`: it has none, or one that cannot be read.
  static func certificates(parsing bytes: [UInt8]) throws(Refusal) -> [Certificate] {
    guard bytes.count <= maximumFileSize else { throw Refusal("it has more than \(maximumFileSize) bytes") }
    guard PEM.isArmored(bytes) else { return [try Certificate(parsing: bytes[...])] }
    let documents: [PEMDocument]
    do { documents = try PEM.documents(bytes) } catch { throw Refusal("\(error)") }
    var certificates: [Certificate] = []
    for document in documents {
      guard document.discriminator == "CERTIFICATE" else {
        throw Refusal("it has \(document.discriminator.quotedForMessage) in PEM, which is no certificate")
      }
      certificates.append(try Certificate(parsing: document.derBytes[...]))
    }
    guard !certificates.isEmpty else { throw Refusal("it has no certificate") }
    return certificates
  }

  /// - Parameter der: the certificate and nothing after it.
  /// - Throws: `Refusal`
  init(parsing der: ArraySlice<UInt8>) throws(Refusal) {
    do { try self.init(derEncoded: der) } catch {
      throw Refusal(
        "a certificate cannot be read: it is damaged, or its key or signature algorithm is not supported "
          + "(RSA from 2048 bits, ECDSA on P-256, P-384 and P-521; RSA-PSS is not)")
    }
  }

  /// The whole certificate.
  var der: [UInt8] {
    var serializer = DER.Serializer()
    // It is put together from the bytes that were parsed, which cannot fail.
    try? serializer.serialize(self)
    return serializer.serializedBytes
  }

  /// SHA-256 of the certificate in DER, in lower-case hexadecimal.
  var fingerprint: String { SHA256.hash(data: der).lowerHexadecimal }

  var subjectForMessage: String { subject.description.quotedForMessage }

  /// Whether the other certificate's key made this one's signature, and the other one has the issuer's name.
  func isIssued(by other: Certificate) -> Bool {
    issuer == other.subject && other.publicKey.isValidSignature(signature, for: self)
  }
}

extension Date {
  var isoText: String { formatted(.iso8601) }
}
