import ContainerImage
import SwiftASN1
import X509

/// Attributes that a signing certificate's subject is to have, as in `x509.subject: C=US, ST=WA, O=acme` (Notary Project,
/// trust policy specification, section "Trusted Identities Constraints"). The certificate may have more.
public struct NotationIdentity: Sendable, Hashable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  private let attributes: [ASN1ObjectIdentifier: String]

  private static let prefix = "x509.subject:"

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    guard text.hasPrefix(Self.prefix) else {
      throw .malformed(
        "\(text.quotedForMessage) is no identity: expected *, or x509.subject: C=…, ST=…, O=…")
    }
    var attributes: [ASN1ObjectIdentifier: String] = [:]
    for part in try DistinguishedNameText.parts(text.dropFirst(Self.prefix.count), of: text) {
      guard let type = Self.type(named: part.name) else {
        throw .malformed(
          "\(text.quotedForMessage) has the attribute \(part.name.quotedForMessage), which is not known: expected "
            + "C, ST, L, O, OU, CN, STREET, POSTALCODE, SERIALNUMBER, DC, UID, E or an object identifier")
      }
      guard attributes.updateValue(part.value, forKey: type) == nil else {
        throw .malformed("\(text.quotedForMessage) has the attribute \(part.name) twice")
      }
    }
    for (name, type) in Self.required where attributes[type]?.isEmpty != false {
      throw .malformed("\(text.quotedForMessage) lacks \(name)=: C, ST and O are required")
    }
    self.attributes = attributes
    description = text
  }

  /// Whether the subject has all the attributes. One in which an attribute is there twice, wherever, matches nothing, as
  /// for the programs of the Notary Project.
  func matches(_ subject: DistinguishedName) -> Bool {
    var values: [ASN1ObjectIdentifier: String?] = [:]
    for attribute in subject.joined() {
      guard values.updateValue(String(attribute.value), forKey: attribute.type) == nil else { return false }
    }
    return attributes.allSatisfy { type, value in
      values[type]??.utf8.elementsEqual(value.utf8) ?? false
    }
  }

  /// Whether every certificate that the other identity matches is matched by this one, too.
  func includes(_ other: NotationIdentity) -> Bool {
    attributes.allSatisfy { type, value in
      other.attributes[type].map { $0.utf8.elementsEqual(value.utf8) } ?? false
    }
  }

  private static let required: [(String, ASN1ObjectIdentifier)] = [
    ("C", [2, 5, 4, 6]), ("ST", [2, 5, 4, 8]), ("O", [2, 5, 4, 10]),
  ]

  /// RFC 4514, section 3, with `S`, `STREET` and names that OpenSSL writes.
  private static func type(named name: String) -> ASN1ObjectIdentifier? {
    switch name.uppercased() {
    case "C": [2, 5, 4, 6]
    case "ST", "S": [2, 5, 4, 8]
    case "L": [2, 5, 4, 7]
    case "O": [2, 5, 4, 10]
    case "OU": [2, 5, 4, 11]
    case "CN": [2, 5, 4, 3]
    case "STREET": [2, 5, 4, 9]
    case "POSTALCODE": [2, 5, 4, 17]
    case "SERIALNUMBER": [2, 5, 4, 5]
    case "DC": [0, 9, 2342, 19_200_300, 100, 1, 25]
    case "UID": [0, 9, 2342, 19_200_300, 100, 1, 1]
    case "E", "EMAIL", "EMAILADDRESS": [1, 2, 840, 113549, 1, 9, 1]
    default:
      name.contains(".") ? try? ASN1ObjectIdentifier(dotRepresentation: name) : nil
    }
  }
}
