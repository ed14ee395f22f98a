import FoundationEssentials
import SwiftASN1

extension SigstoreVerifier {
  /// When the signature was there, by each of the root's authorities that says so. What is from elsewhere or not good proves
  /// nothing, and does no harm.
  /// - Parameter responses: each a `TimeStampResp` (RFC 3161, section 2.4.2).
  /// - Returns: the times, and why what gave none gave none.
  func timestamps(_ responses: [[UInt8]], over signature: [UInt8]) -> (times: [Date], refusal: Refusal?) {
    var (times, refusal): ([Date], Refusal?) = ([], nil)
    for response in responses {
      for authority in root.timestampAuthorities {
        do {
          times.append(try Self.time(response, over: signature, by: authority))
          break
        } catch { refusal = error }
      }
    }
    return (times, refusal)
  }

  private static func time(
    _ response: [UInt8], over signature: [UInt8], by authority: CertificateAuthority
  ) throws(Refusal) -> Date {
    guard let bytes = try? Self.token(of: response) else {
      throw Refusal("the time stamp cannot be read: a TimeStampResp (RFC 3161) in DER is expected")
    }
    let proven = try TimestampToken(parsing: bytes).verify(
      over: signature, certificates: authority.intermediates, roots: [authority.anchor])
    guard authority.period.contains(proven.time) else {
      throw Refusal("the time stamp's authority was not trusted at \(proven.time.isoText)")
    }
    return proven.time
  }

  private static func token(of response: [UInt8]) throws -> [UInt8] {
    guard response.count <= TimestampToken.maximumSize else {
      throw ASN1Error.invalidASN1Object(reason: "it is too large")
    }
    return try DER.sequence(try DER.parse(response), identifier: .sequence) { nodes in
      // granted, or granted with changes.
      guard let status = try nodes.required().parts.first, [0, 1].contains(try Int(derEncoded: status)) else {
        throw ASN1Error.invalidASN1Object(reason: "it was not granted")
      }
      return Array(try nodes.required().encodedBytes)
    }
  }
}
