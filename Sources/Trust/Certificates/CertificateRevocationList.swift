import ContainerImage
import FoundationEssentials
import SwiftASN1
import X509

/// A complete list of the certificates that an authority revoked (RFC 5280, section 5). Delta lists, lists for a part of an
/// authority's certificates and lists that another one signs are not taken.
public struct CertificateRevocationList: Sendable {
  /// Bytes, as the Notary Project's programs take.
  public static let maximumSize = 32 << 20

  let issuer: DistinguishedName
  let thisUpdate: Date
  let nextUpdate: Date
  /// By serial number. The value is the time from which the key may have been another's, if the list says one.
  private let revoked: [ArraySlice<UInt8>: Date?]
  let signedBytes: ArraySlice<UInt8>
  private let algorithm: Certificate.SignatureAlgorithm
  private let signature: ArraySlice<UInt8>

  /// - Parameters:
  ///   - bytes: in DER, or in PEM (`X509 CRL`).
  ///   - place: where the bytes are from, for messages.
  /// - Throws: `TrustError.unusable`
  public init(parsing bytes: [UInt8], from place: String) throws(TrustError) {
    do throws(Refusal) {
      guard bytes.count <= Self.maximumSize else {
        throw Refusal("it has more than \(Self.maximumSize) bytes")
      }
      var der = bytes
      if PEM.isArmored(bytes) {
        let documents: [PEMDocument]
        do { documents = try PEM.documents(bytes) } catch { throw Refusal("\(error)") }
        guard documents.count == 1, documents[0].discriminator == "X509 CRL" else {
          throw Refusal("one X509 CRL in PEM is expected")
        }
        der = documents[0].derBytes
      }
      try self.init(der: der)
    } catch {
      throw .unusable(what: "the certificate revocation list \(place)", reason: error.description)
    }
  }

  private init(der: [UInt8]) throws(Refusal) {
    do {
      let parts = try DER.parse(der).parts
      guard parts.count == 3, parts[0].identifier == .sequence else {
        throw ASN1Error.invalidASN1Object(reason: "three parts are expected")
      }
      guard let algorithm = try AlgorithmName(derEncoded: parts[1]).signatureAlgorithm(with: nil) else {
        throw Refusal("it is signed with an algorithm that is not supported")
      }
      self.algorithm = algorithm
      signedBytes = parts[0].encodedBytes
      let bits = try ASN1BitString(derEncoded: parts[2])
      guard bits.paddingBits == 0 else {
        throw ASN1Error.invalidASN1Object(reason: "whole bytes are expected")
      }
      signature = bits.bytes
      let list = try Self.read(parts[0], algorithm: parts[1])
      (issuer, thisUpdate, nextUpdate, revoked) = (
        list.issuer, list.thisUpdate, list.nextUpdate, list.revoked
      )
    } catch let refusal as Refusal {
      throw refusal
    } catch {
      throw Refusal("it cannot be read")
    }
  }

  private struct Content {
    let issuer: DistinguishedName
    let thisUpdate: Date
    let nextUpdate: Date
    var revoked: [ArraySlice<UInt8>: Date?] = [:]
  }

  private static func read(_ node: ASN1Node, algorithm: ASN1Node) throws -> Content {
    try DER.sequence(node, identifier: .sequence) { nodes in
      if let version = nodes.take(.integer), try Int(derEncoded: version) != 1 {
        throw Refusal("its version is not 2")
      }
      guard try nodes.required().encodedBytes == algorithm.encodedBytes else {
        throw Refusal("it names two signature algorithms")
      }
      let issuer = try DistinguishedName(derEncoded: try nodes.required())
      let thisUpdate = try Date(timeNode: try nodes.required())
      let updateNode = nodes.take(.utcTime) ?? nodes.take(.generalizedTime)
      guard let updateNode else { throw Refusal("it does not say when the next one is due") }
      var content = Content(
        issuer: issuer, thisUpdate: thisUpdate, nextUpdate: try Date(timeNode: updateNode))
      if let entries = nodes.take(.sequence) {
        for entry in try entries.parts {
          let (serial, invalidity) = try Self.entry(entry)
          // What is there twice counts as revoked from the beginning.
          content.revoked[serial] = content.revoked[serial] == nil ? .some(invalidity) : .some(nil)
        }
      }
      if let extensions = nodes.optional(tag: 0) {
        for found in try DER.sequence(
          of: Certificate.Extension.self, identifier: .sequence, rootNode: try extensions.onlyPart)
        {
          if found.oid == [2, 5, 29, 27] { throw Refusal("it is a delta list: give the complete one") }
          if found.critical {
            throw Refusal("it has the critical extension \(found.oid), which is not supported")
          }
        }
      }
      return content
    }
  }

  private static func entry(_ node: ASN1Node) throws -> (ArraySlice<UInt8>, Date?) {
    try DER.sequence(node, identifier: .sequence) { nodes in
      let serial = try ArraySlice<UInt8>(derEncoded: &nodes)
      _ = try Date(timeNode: try nodes.required())
      var invalidity: Date?
      if let extensions = nodes.take(.sequence) {
        for found in try DER.sequence(
          of: Certificate.Extension.self, identifier: .sequence, rootNode: extensions)
        {
          if found.oid == [2, 5, 29, 24] {
            invalidity = try Date(generalizedTimeNode: try DER.parse(found.value))
          } else if found.critical {
            throw Refusal("an entry has the critical extension \(found.oid), which is not supported")
          }
        }
      }
      return (serial, invalidity)
    }
  }

  /// Whether that authority made the list, and may.
  func isSigned(by authority: Certificate) -> Bool {
    let usage = try? authority.extensions.keyUsage
    return authority.subject == issuer && usage?.cRLSign == true
      && authority.publicKey.isValidSignature(signature, for: signedBytes, signatureAlgorithm: algorithm)
  }

  /// - Parameter signedAt: when the certificate's key signed, if that is proven.
  func revokes(_ certificate: Certificate, signedAt: Date?) -> Bool {
    guard let invalidity = revoked[certificate.serialNumber.bytes] else { return false }
    guard let invalidity, let signedAt else { return true }
    return signedAt >= invalidity
  }
}
