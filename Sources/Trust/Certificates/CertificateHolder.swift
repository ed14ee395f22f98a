import SwiftASN1
import X509

/// Whom a certificate is about.
public enum CertificateHolder {
  /// The one common name of its subject (RFC 5280, section 4.1.2.6).
  /// - Parameter der: of a certificate that somebody else has verified.
  /// - Returns: nil if it has none or several, or is no certificate.
  public static func commonName(of der: [UInt8]) -> String? {
    guard let certificate = try? Certificate(parsing: der[...]) else { return nil }
    let names = certificate.subject.flatMap { part in
      part.filter { $0.type == .RDNAttributeType.commonName }.map { String($0.value) }
    }
    guard names.count == 1, let name = names[0], !name.isEmpty else { return nil }
    return name
  }
}
