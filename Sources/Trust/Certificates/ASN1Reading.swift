import ContainerImage
import FoundationEssentials
import SwiftASN1
import X509

/// AlgorithmIdentifier (RFC 5280, section 4.1.1.2), of which only the name counts: none that is used here has
/// parameters that matter.
struct AlgorithmName: DERParseable {
  let oid: ASN1ObjectIdentifier

  init(derEncoded node: ASN1Node) throws {
    oid = try DER.sequence(node, identifier: .sequence) { nodes in
      let oid = try ASN1ObjectIdentifier(derEncoded: &nodes)
      _ = nodes.next()
      return oid
    }
  }

  /// The hashes that count; SHA-1 and what is weaker are nil.
  var hash: SignatureScheme.SignatureHash? {
    switch oid {
    case [2, 16, 840, 1, 101, 3, 4, 2, 1]: .sha256
    case [2, 16, 840, 1, 101, 3, 4, 2, 2]: .sha384
    case [2, 16, 840, 1, 101, 3, 4, 2, 3]: .sha512
    default: nil
    }
  }

  /// - Parameter hash: for RSA without its own (RFC 5652, section 5.3, and RFC 3370, section 3.2); nil if there is none.
  func signatureAlgorithm(with hash: SignatureScheme.SignatureHash?) -> Certificate.SignatureAlgorithm? {
    let known: (SignatureScheme.SignatureHash, Certificate.SignatureAlgorithm)? =
      switch oid {
      case .AlgorithmIdentifier.sha256WithRSAEncryption: (.sha256, .sha256WithRSAEncryption)
      case .AlgorithmIdentifier.sha384WithRSAEncryption: (.sha384, .sha384WithRSAEncryption)
      case .AlgorithmIdentifier.sha512WithRSAEncryption: (.sha512, .sha512WithRSAEncryption)
      case [1, 2, 840, 10045, 4, 3, 2]: (.sha256, .ecdsaWithSHA256)
      case [1, 2, 840, 10045, 4, 3, 3]: (.sha384, .ecdsaWithSHA384)
      case [1, 2, 840, 10045, 4, 3, 4]: (.sha512, .ecdsaWithSHA512)
      case .AlgorithmIdentifier.rsaEncryption:
        switch hash {
        case .sha256: (.sha256, .sha256WithRSAEncryption)
        case .sha384: (.sha384, .sha384WithRSAEncryption)
        case .sha512: (.sha512, .sha512WithRSAEncryption)
        case nil: nil
        }
      default: nil
      }
    guard let (ownHash, algorithm) = known, hash == nil || hash == ownHash else { return nil }
    return algorithm
  }
}

extension Date {
  /// Time (RFC 5280, section 4.1.2.5): UTCTime or GeneralizedTime.
  init(timeNode node: ASN1Node) throws {
    if node.identifier == .utcTime {
      let time = try UTCTime(derEncoded: node)
      self.init(
        year: time.year, month: time.month, day: time.day, hours: time.hours, minutes: time.minutes,
        seconds: Double(time.seconds))
    } else {
      try self.init(generalizedTimeNode: node)
    }
  }

  init(generalizedTimeNode node: ASN1Node) throws {
    let time = try GeneralizedTime(derEncoded: node)
    self.init(
      year: time.year, month: time.month, day: time.day, hours: time.hours, minutes: time.minutes,
      seconds: Double(time.seconds) + time.fractionalSeconds)
  }

  private init(year: Int, month: Int, day: Int, hours: Int, minutes: Int, seconds: Double) {
    let days = RFC3339Time.daysSince1970(year: year, month: month, day: day)
    self.init(timeIntervalSince1970: Double(days * 86400 + hours * 3600 + minutes * 60) + seconds)
  }
}

extension ASN1NodeCollection.Iterator {
  /// The next node.
  mutating func required() throws -> ASN1Node {
    guard let node = next() else { throw ASN1Error.invalidASN1Object(reason: "a part is missing") }
    return node
  }

  /// The next node if it has the tag `[number]`.
  mutating func optional(tag number: UInt) -> ASN1Node? {
    take(ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific))
  }

  mutating func take(_ identifier: ASN1Identifier) -> ASN1Node? {
    var ahead = self
    guard let node = ahead.next(), node.identifier == identifier else { return nil }
    self = ahead
    return node
  }
}

extension ASN1Node {
  /// The parts of a constructed node, whatever its tag.
  var parts: [ASN1Node] {
    get throws {
      guard case .constructed(let nodes) = content else { throw ASN1Error.unexpectedFieldType(identifier) }
      return Array(nodes)
    }
  }

  /// What is in an explicit tag.
  var onlyPart: ASN1Node {
    get throws {
      let parts = try parts
      guard parts.count == 1 else { throw ASN1Error.invalidASN1Object(reason: "one part is expected") }
      return parts[0]
    }
  }
}
