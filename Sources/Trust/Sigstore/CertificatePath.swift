import FoundationEssentials
import SwiftASN1
import X509

/// The way from a signer's certificate up to a trusted one (RFC 5280, section 6, without what Fulcio does not use: where
/// there are name constraints or policies that are critical, there is no way).
struct CertificatePath {
  /// Certificates between the signer's and the trusted one.
  private static let maximumDepth = 4
  /// Certificates that came with the signature. Each may lead on to each other.
  static let maximumUntrusted = 4

  /// At which all are to be valid.
  let time: Date

  /// - Parameters:
  ///   - leaf: the signer's certificate.
  ///   - untrusted: certificates that came with it.
  /// - Returns: the certificate that the signer's was issued with.
  func issuer(
    of leaf: Certificate, under authorities: [CertificateAuthority], with untrusted: [Certificate]
  ) throws(Refusal) -> Certificate {
    guard leaf.notValidBefore <= time, time <= leaf.notValidAfter else {
      throw Refusal(
        "its certificate is valid from \(leaf.notValidBefore.isoText) to \(leaf.notValidAfter.isoText), "
          + "but it was made at \(time.isoText)")
    }
    guard untrusted.count <= Self.maximumUntrusted else {
      throw Refusal("there are more than \(Self.maximumUntrusted) certificates with its own")
    }
    for authority in authorities where authority.period.contains(time) {
      if let issuer = issuer(of: leaf, under: authority, with: authority.intermediates + untrusted, depth: 0)
      {
        return issuer
      }
    }
    throw Refusal(
      "its certificate leads to none of the trusted authorities that were valid at \(time.isoText)")
  }

  private func issuer(
    of certificate: Certificate, under authority: CertificateAuthority, with others: [Certificate], depth: Int
  ) -> Certificate? {
    if issues(authority.anchor, certificate, depth: depth) { return authority.anchor }
    guard depth < Self.maximumDepth else { return nil }
    for (index, other) in others.enumerated() where issues(other, certificate, depth: depth) {
      var rest = others
      rest.remove(at: index)
      if issuer(of: other, under: authority, with: rest, depth: depth + 1) != nil { return other }
    }
    return nil
  }

  /// - Parameter depth: how many authorities are below this one.
  private func issues(_ issuer: Certificate, _ certificate: Certificate, depth: Int) -> Bool {
    guard issuer.notValidBefore <= time, time <= issuer.notValidAfter,
      issuer.version == .v3, !issuer.hasUnknownCriticalExtension,
      let constraints = try? issuer.extensions.basicConstraints,
      case .isCertificateAuthority(let maximum) = constraints, maximum ?? Int.max >= depth,
      let usages = try? issuer.extensions.keyUsage, usages.keyCertSign
    else { return false }
    do {
      if let extended = try issuer.extensions.extendedKeyUsage,
        !extended.contains(.codeSigning), !extended.contains(.any)
      {
        return false
      }
    } catch { return false }
    return certificate.isSignedStrongly && certificate.isIssued(by: issuer)
  }
}

extension Certificate {
  /// With a hash that counts today. Keys that do not were refused when their certificate was read.
  var isSignedStrongly: Bool {
    let strong: [Certificate.SignatureAlgorithm] = [
      .ecdsaWithSHA256, .ecdsaWithSHA384, .ecdsaWithSHA512, .sha256WithRSAEncryption,
      .sha384WithRSAEncryption, .sha512WithRSAEncryption, .ed25519,
    ]
    return strong.contains(signatureAlgorithm)
  }

  /// Whether it must not be used by somebody who does not know all its rules (RFC 5280, section 4.2).
  var hasUnknownCriticalExtension: Bool {
    let known: [ASN1ObjectIdentifier] = [
      .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
      .X509ExtensionID.subjectAlternativeName,
    ]
    return extensions.contains { $0.critical && !known.contains($0.oid) }
  }
}
