import ContainerImage
import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// A log's promise to show a certificate to everybody, which is inside of that certificate (RFC 6962, section 3.2 and 3.3).
struct SignedCertificateTimestamp {
  private static let list: ASN1ObjectIdentifier = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2]

  let logID: [UInt8]
  /// Milliseconds since 1970.
  let timestamp: UInt64
  let extensions: [UInt8]
  /// SHA-256 with RSA, or with ECDSA; the numbers of TLS 1.2.
  let algorithm: [UInt8]
  let signature: [UInt8]

  /// At least one of the logs must have promised it.
  /// - Parameter issuer: the certificate that it was issued with.
  static func verify(
    _ certificate: Certificate, issuedWith issuer: Certificate, by logs: [TransparencyLog]
  ) throws(Refusal) {
    guard let value = certificate.extensions[oid: list]?.value else {
      throw Refusal("no log of certificates has seen its certificate")
    }
    let timestamps: [SignedCertificateTimestamp]
    let logged: [UInt8]
    do {
      timestamps = try parse(try ASN1OctetString(derEncoded: value).bytes)
      logged = try certificateWithoutTimestamps(certificate)
    } catch { throw Refusal("its certificate's timestamps of logs cannot be read") }
    guard let issuerKey = try? PublicKey(issuer.publicKey) else {
      throw Refusal("its certificate's issuer has no usable key")
    }
    let isPromised = timestamps.contains { timestamp in
      logs.contains { timestamp.isPromise(of: logged, issuerKey: issuerKey, by: $0) }
    }
    guard isPromised else {
      throw Refusal("none of the trusted logs of certificates has seen its certificate")
    }
  }

  private func isPromise(of certificate: [UInt8], issuerKey: PublicKey, by log: TransparencyLog) -> Bool {
    guard log.id == logID, log.period.contains(Date(timeIntervalSince1970: Double(timestamp) / 1000)),
      algorithm == [4, 3] || algorithm == [4, 1]
    else { return false }
    // digitally-signed: version, kind, time, kind of entry, precertificate, extensions.
    var signed: [UInt8] = [0, 0]
    signed += (0..<8).map { UInt8(truncatingIfNeeded: timestamp >> (56 - 8 * UInt64($0))) }
    signed += [0, 1]
    signed += SHA256.hash(data: issuerKey.der)
    signed += [16, 8, 0].map { UInt8(truncatingIfNeeded: certificate.count >> $0) } + certificate
    signed += [8, 0].map { UInt8(truncatingIfNeeded: extensions.count >> $0) } + extensions
    return log.key.isValidSignature(
      signature, for: signed, by: algorithm == [4, 3] ? .ecdsa(.sha256, .der) : .rsaPKCS1(.sha256))
  }

  private struct Malformed: Error {}

  /// - Parameter list: `SignedCertificateTimestampList`.
  private static func parse(_ list: ArraySlice<UInt8>) throws -> [SignedCertificateTimestamp] {
    var outer = list
    var list = try take(counted: 2, from: &outer)
    guard outer.isEmpty else { throw Malformed() }
    var timestamps: [SignedCertificateTimestamp] = []
    while !list.isEmpty {
      var one = try take(counted: 2, from: &list)
      // Of another version, it may look quite different.
      guard try take(1, from: &one) == [0] else { continue }
      let logID = Array(try take(32, from: &one))
      let timestamp = try take(8, from: &one).reduce(0) { $0 << 8 | UInt64($1) }
      let extensions = Array(try take(counted: 2, from: &one))
      let algorithm = Array(try take(2, from: &one))
      let signature = Array(try take(counted: 2, from: &one))
      guard one.isEmpty else { throw Malformed() }
      timestamps.append(
        SignedCertificateTimestamp(
          logID: logID, timestamp: timestamp, extensions: extensions, algorithm: algorithm,
          signature: signature))
    }
    return timestamps
  }

  private static func take(_ count: Int, from bytes: inout ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
    guard bytes.count >= count else { throw Malformed() }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }

  /// As many bytes as the number of `width` bytes before them says.
  private static func take(
    counted width: Int, from bytes: inout ArraySlice<UInt8>
  ) throws -> ArraySlice<UInt8> {
    try take(try take(width, from: &bytes).reduce(0) { $0 << 8 | Int($1) }, from: &bytes)
  }

  /// The certificate's signed part as the log saw it, before it gave the timestamps (RFC 6962, section 3.2).
  private static func certificateWithoutTimestamps(_ certificate: Certificate) throws -> [UInt8] {
    let extensionsTag = ASN1Identifier(tagWithNumber: 3, tagClass: .contextSpecific)
    var serializer = DER.Serializer()
    try serializer.appendConstructedNode(identifier: .sequence) { serializer in
      for part in try DER.parse(certificate.tbsCertificateBytes).parts {
        guard part.identifier == extensionsTag else {
          serializer.serialize(part)
          continue
        }
        try serializer.appendConstructedNode(identifier: extensionsTag) { serializer in
          try serializer.appendConstructedNode(identifier: .sequence) { serializer in
            for node in try part.onlyPart.parts
            where try Certificate.Extension(derEncoded: node).oid != list {
              serializer.serialize(node)
            }
          }
        }
      }
    }
    return serializer.serializedBytes
  }
}
