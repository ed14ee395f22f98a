import ContainerImage
import FoundationEssentials
import SwiftASN1
import X509

/// A signer's short-lived certificate, and whom Fulcio says it was issued to (fulcio, docs/certificate-specification.md and
/// docs/oid-info.md).
struct FulcioCertificate {
  let certificate: Certificate
  let key: PublicKey
  /// The identity provider who vouched for the subject.
  let issuer: String
  let subjects: [Subject]

  struct Subject: Hashable {
    let kind: SigstoreIdentity.Kind
    let name: String
  }

  private static let issuerInText: ASN1ObjectIdentifier = [1, 3, 6, 1, 4, 1, 57264, 1, 1]
  private static let issuerInDER: ASN1ObjectIdentifier = [1, 3, 6, 1, 4, 1, 57264, 1, 8]
  private static let userName: ASN1ObjectIdentifier = [1, 3, 6, 1, 4, 1, 57264, 1, 7]

  /// - Throws: what is wrong with the certificate by itself, whoever issued it.
  init(_ certificate: Certificate) throws(Refusal) {
    self.certificate = certificate
    do { key = try PublicKey(certificate.publicKey) } catch { throw Refusal("\(error)") }
    let extensions = certificate.extensions
    guard certificate.version == .v3, !certificate.hasUnknownCriticalExtension else {
      throw Refusal("its certificate has critical extensions that are not known")
    }
    let constraints: BasicConstraints?
    do { constraints = try extensions.basicConstraints } catch {
      throw Refusal("its certificate cannot be read")
    }
    guard constraints == nil || constraints == .notCertificateAuthority else {
      throw Refusal("its certificate is an authority's")
    }
    guard let usage = try? extensions.keyUsage, usage.digitalSignature, !usage.keyCertSign,
      let extended = try? extensions.extendedKeyUsage, extended.contains(.codeSigning)
    else { throw Refusal("its certificate is not for signing code") }
    issuer = try Self.issuer(extensions)
    subjects = try Self.subjects(extensions)
  }

  private static func issuer(_ extensions: Certificate.Extensions) throws(Refusal) -> String {
    var issuers: [String] = []
    if let text = extensions[oid: issuerInText]?.value {
      guard let issuer = String(validating: text, as: UTF8.self) else {
        throw Refusal("its certificate's issuer is no text")
      }
      issuers.append(issuer)
    }
    if let der = extensions[oid: issuerInDER]?.value {
      guard let issuer = (try? ASN1UTF8String(derEncoded: der)).map(String.init) else {
        throw Refusal("its certificate's issuer is no text")
      }
      issuers.append(issuer)
    }
    guard let issuer = issuers.first, issuers.allSatisfy({ $0.isLetterForLetter(issuer) }) else {
      throw Refusal("its certificate does not say, or says differently, which provider knows its owner")
    }
    return issuer
  }

  private static func subjects(_ extensions: Certificate.Extensions) throws(Refusal) -> [Subject] {
    guard let names = try? extensions.subjectAlternativeNames else {
      throw Refusal("its certificate does not say whose it is")
    }
    let subjects = names.compactMap { name -> Subject? in
      switch name {
      case .rfc822Name(let address): return Subject(kind: .email, name: address)
      case .uniformResourceIdentifier(let uri): return Subject(kind: .uri, name: uri)
      case .otherName(let other) where other.typeID == userName:
        let text = other.value.flatMap { try? ASN1UTF8String(asn1Any: $0) }
        return text.map { Subject(kind: .userName, name: String($0)) }
      default: return nil
      }
    }
    guard !subjects.isEmpty else { throw Refusal("its certificate does not say whose it is") }
    return subjects
  }
}

/// Who may sign with a certificate.
public struct SigstoreIdentity: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    case email
    /// Of a workflow, most often.
    case uri
    /// `name!domain`, of Fulcio's provider for user names.
    case userName
  }

  /// The identity provider's address, as the certificate has it.
  public let issuer: String
  /// As the certificate has it, letter for letter.
  public let subject: String
  /// The kind of the subject; nil if each will do.
  public let kind: Kind?

  public init(issuer: String, subject: String, kind: Kind? = nil) {
    self.issuer = issuer
    self.subject = subject
    self.kind = kind
  }
}

extension String {
  /// Equal, where Unicode's equivalent texts are not: some letters of other scripts are ASCII's to `==`.
  func isLetterForLetter(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
