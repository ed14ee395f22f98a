import SwiftASN1
import X509

/// Signed content in DER (Cryptographic Message Syntax, RFC 5652, section 5) with one signer, who signed attributes.
struct CMSSignedData: DERParseable {
  static let maximumCertificates = 16

  let contentType: ASN1ObjectIdentifier
  let content: [UInt8]
  /// Those that can be read; others are left out. Nobody vouches for them.
  let certificates: [Certificate]
  let signer: CMSSigner

  init(derEncoded node: ASN1Node) throws {
    let signedData: ASN1Node = try DER.sequence(node, identifier: .sequence) { nodes in
      guard try ASN1ObjectIdentifier(derEncoded: &nodes) == [1, 2, 840, 113549, 1, 7, 2],
        let content = nodes.optional(tag: 0)
      else { throw ASN1Error.invalidASN1Object(reason: "no signed data") }
      return try content.onlyPart
    }
    self = try DER.sequence(signedData, identifier: .sequence) { nodes in
      _ = try Int(derEncoded: &nodes)
      // The hash algorithms of all signers; the one signer names its own.
      _ = try nodes.required()
      let (type, content) = try Self.content(try nodes.required())
      var certificates: [Certificate] = []
      if let set = nodes.optional(tag: 0) {
        let parts = try set.parts
        guard parts.count <= Self.maximumCertificates else {
          throw ASN1Error.invalidASN1Object(reason: "too many certificates")
        }
        certificates = parts.compactMap { try? Certificate(derEncoded: $0) }
      }
      // Lists of revoked certificates: what may come with the signature, the signer chose.
      _ = nodes.optional(tag: 1)
      let signers = try nodes.required()
      guard signers.identifier == .set else { throw ASN1Error.unexpectedFieldType(signers.identifier) }
      return CMSSignedData(
        contentType: type, content: content, certificates: certificates,
        signer: try CMSSigner(derEncoded: try signers.onlyPart))
    }
  }

  private init(
    contentType: ASN1ObjectIdentifier, content: [UInt8], certificates: [Certificate], signer: CMSSigner
  ) {
    self.contentType = contentType
    self.content = content
    self.certificates = certificates
    self.signer = signer
  }

  private static func content(_ node: ASN1Node) throws -> (ASN1ObjectIdentifier, [UInt8]) {
    try DER.sequence(node, identifier: .sequence) { nodes in
      let type = try ASN1ObjectIdentifier(derEncoded: &nodes)
      guard let content = nodes.optional(tag: 0) else {
        throw ASN1Error.invalidASN1Object(reason: "the content is missing")
      }
      return (type, Array(try ASN1OctetString(derEncoded: try content.onlyPart).bytes))
    }
  }
}

/// SignerInfo (RFC 5652, section 5.3).
struct CMSSigner: DERParseable {
  private enum Identifier: Hashable {
    case issuerAndSerialNumber(DistinguishedName, ArraySlice<UInt8>)
    case subjectKey(ArraySlice<UInt8>)
  }

  private let identifier: Identifier
  let digestAlgorithm: AlgorithmName
  /// By type; no type is there twice, and each has one value.
  let signedAttributes: [ASN1ObjectIdentifier: ASN1Node]
  /// What the signature is over.
  let signedBytes: [UInt8]
  let signatureAlgorithm: AlgorithmName
  let signature: [UInt8]

  init(derEncoded node: ASN1Node) throws {
    guard node.identifier == .sequence, case .constructed(let collection) = node.content else {
      throw ASN1Error.unexpectedFieldType(node.identifier)
    }
    var nodes = collection.makeIterator()
    _ = try Int(derEncoded: &nodes)
    identifier = try Self.identifier(&nodes)
    digestAlgorithm = try AlgorithmName(derEncoded: try nodes.required())
    guard let attributes = nodes.optional(tag: 0) else {
      throw ASN1Error.invalidASN1Object(reason: "there are no signed attributes")
    }
    signedAttributes = try Self.attributes(attributes)
    // Signed is the set with its own tag instead of [0] (section 5.4).
    signedBytes = [0x31] + attributes.encodedBytes.dropFirst()
    signatureAlgorithm = try AlgorithmName(derEncoded: try nodes.required())
    signature = Array(try ASN1OctetString(derEncoded: try nodes.required()).bytes)
    // Attributes that nobody signed.
    _ = nodes.optional(tag: 1)
    guard nodes.next() == nil else { throw ASN1Error.invalidASN1Object(reason: "there is too much") }
  }

  private static func identifier(_ nodes: inout ASN1NodeCollection.Iterator) throws -> Identifier {
    if let key = nodes.optional(tag: 0) {
      guard case .primitive(let bytes) = key.content else {
        throw ASN1Error.unexpectedFieldType(key.identifier)
      }
      return .subjectKey(bytes)
    }
    return try DER.sequence(try nodes.required(), identifier: .sequence) { nodes in
      let issuer = try DistinguishedName(derEncoded: try nodes.required())
      return .issuerAndSerialNumber(issuer, try ArraySlice<UInt8>(derEncoded: &nodes))
    }
  }

  private static func attributes(_ set: ASN1Node) throws -> [ASN1ObjectIdentifier: ASN1Node] {
    var result: [ASN1ObjectIdentifier: ASN1Node] = [:]
    for part in try set.parts {
      let (type, value) = try DER.sequence(part, identifier: .sequence) { nodes in
        (try ASN1ObjectIdentifier(derEncoded: &nodes), try nodes.required().onlyPart)
      }
      guard result.updateValue(value, forKey: type) == nil else {
        throw ASN1Error.invalidASN1Object(reason: "an attribute is there twice")
      }
    }
    return result
  }

  /// Whether it says that this certificate's key signed.
  func isMade(by certificate: Certificate) -> Bool {
    switch identifier {
    case .issuerAndSerialNumber(let issuer, let serial):
      certificate.issuer == issuer && certificate.serialNumber.bytes == serial
    case .subjectKey(let key):
      (try? certificate.extensions.subjectKeyIdentifier)?.keyIdentifier == key
    }
  }
}
