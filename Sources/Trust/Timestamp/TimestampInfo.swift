import FoundationEssentials
import SwiftASN1

/// TSTInfo (RFC 3161, section 2.4.2): at which time an authority saw what has this hash.
struct TimestampInfo: DERParseable {
  let imprintAlgorithm: AlgorithmName
  let imprint: [UInt8]
  let time: Date
  /// Seconds by which the time may be wrong, in both directions.
  let accuracy: TimeInterval

  init(derEncoded node: ASN1Node) throws {
    guard node.identifier == .sequence, case .constructed(let collection) = node.content else {
      throw ASN1Error.unexpectedFieldType(node.identifier)
    }
    var nodes = collection.makeIterator()
    guard try Int(derEncoded: &nodes) == 1 else {
      throw ASN1Error.invalidASN1Object(reason: "the version is not 1")
    }
    let policy = try ASN1ObjectIdentifier(derEncoded: &nodes)
    (imprintAlgorithm, imprint) = try DER.sequence(try nodes.required(), identifier: .sequence) { nodes in
      (
        try AlgorithmName(derEncoded: try nodes.required()),
        Array(try ASN1OctetString(derEncoded: &nodes).bytes)
      )
    }
    _ = try ArraySlice<UInt8>(derEncoded: &nodes)
    time = try Date(generalizedTimeNode: try nodes.required())
    if let node = nodes.take(.sequence) {
      accuracy = try Self.accuracy(node)
    } else {
      // The baseline policy promises a second (RFC 3628, section 5.2); others say what they promise.
      accuracy = policy == [0, 4, 0, 2023, 1, 1] ? 1 : 0
    }
    // Whether times are ordered, and the nonce, are for who asks the authority. Its name is in its certificate.
    _ = nodes.take(.boolean)
    _ = nodes.take(.integer)
    _ = nodes.optional(tag: 0)
    if let extensions = nodes.optional(tag: 1) { try Self.refuseCritical(extensions) }
    guard nodes.next() == nil else { throw ASN1Error.invalidASN1Object(reason: "there is too much") }
  }

  private static func accuracy(_ node: ASN1Node) throws -> TimeInterval {
    try DER.sequence(node, identifier: .sequence) { nodes in
      let seconds = try nodes.take(.integer).map { try Int(derEncoded: $0) } ?? 0
      let parts = try [UInt(0), 1].map { tag in
        try nodes.optional(tag: tag).map { try Int(derEncoded: $0, withIdentifier: $0.identifier) } ?? 0
      }
      // More than a day is no accuracy.
      guard (0...86400).contains(seconds), parts.allSatisfy({ (0...999).contains($0) }) else {
        throw ASN1Error.invalidASN1Object(reason: "the accuracy is out of range")
      }
      return Double(seconds) + Double(parts[0]) / 1000 + Double(parts[1]) / 1_000_000
    }
  }

  private static func refuseCritical(_ extensions: ASN1Node) throws {
    for part in try extensions.parts {
      try DER.sequence(part, identifier: .sequence) { nodes in
        _ = try nodes.required()
        if let critical = nodes.take(.boolean), try Bool(derEncoded: critical) {
          throw ASN1Error.invalidASN1Object(reason: "a critical extension is not supported")
        }
        _ = try nodes.required()
      }
    }
  }
}
