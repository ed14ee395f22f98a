import ContainerImage
import FoundationEssentials

/// The envelope in CBOR: COSE_Sign1, tagged (RFC 9052, section 4.2; Notary Project, signature envelope COSE).
extension NotationEnvelope {
  /// Common header parameters (RFC 9052, section 3.1; RFC 9360, section 2).
  private enum Label {
    static let algorithm = CBOR.integer(1)
    static let critical = CBOR.integer(2)
    static let contentType = CBOR.integer(3)
    static let x5chain = CBOR.integer(33)
  }

  /// - Throws: `Refusal`
  init(cose bytes: [UInt8]) throws(Refusal) {
    guard case .tagged(18, .array(let parts)) = try CBOR(parsing: bytes), parts.count == 4,
      let protected = parts[0].bytes, let unsigned = parts[1].map, let payload = parts[2].bytes,
      let signature = parts[3].bytes
    else { throw Refusal("it is no COSE_Sign1 with a payload") }
    guard let signed = try CBOR(parsing: protected).map else {
      throw Refusal("its protected header is no map")
    }
    guard Set(signed.keys).isDisjoint(with: unsigned.keys) else {
      throw Refusal("a header is both signed and not signed")
    }
    let algorithm = NotationAlgorithm.allCases.first { signed[Label.algorithm] == .integer($0.coseLabel) }
    guard let algorithm else {
      throw Refusal("the header alg is missing, or names an algorithm that is not supported")
    }
    // The chain may be signed, too.
    guard let chain = (unsigned[Label.x5chain] ?? signed[Label.x5chain])?.array else {
      throw Refusal("the header x5chain is missing, or is no list")
    }
    let encoded = chain.compactMap(\.bytes)
    guard encoded.count == chain.count else {
      throw Refusal("the header x5chain has something that is no certificate")
    }
    var timestamp: [UInt8]?
    if let token = unsigned[.text(NotationHeaders.Name.timestampSignature)] {
      timestamp = token.bytes
      guard timestamp != nil else { throw Refusal("the time stamp is no byte string") }
    }
    self.init(
      headers: try NotationHeaders(try Self.fields(signed)), algorithm: algorithm, payload: payload,
      signedBytes: Self.signedBytes(protected: protected, payload: payload), signature: signature,
      certificates: try Self.certificates(encoded), timestamp: timestamp)
  }

  /// Sig_structure (RFC 9052, section 4.4), with no data from elsewhere.
  private static func signedBytes(protected: [UInt8], payload: [UInt8]) -> [UInt8] {
    let context = Array("Signature1".utf8)
    return CBOR.head(4, 4) + CBOR.head(3, context.count) + context + CBOR.head(2, protected.count) + protected
      + CBOR.head(2, 0) + CBOR.head(2, payload.count) + payload
  }

  private static func fields(_ signed: [CBOR: CBOR]) throws(Refusal) -> NotationHeaders.Fields {
    var fields = NotationHeaders.Fields()
    fields.contentType = signed[Label.contentType]?.text
    fields.scheme = signed[.text(NotationHeaders.Name.signingScheme)]?.text
    fields.signingTime = try time(NotationHeaders.Name.signingTime, of: signed)
    fields.authenticSigningTime = try time(NotationHeaders.Name.authenticSigningTime, of: signed)
    fields.expiry = try time(NotationHeaders.Name.expiry, of: signed)
    if let names = signed[Label.critical]?.array {
      let texts = names.compactMap(\.text)
      fields.critical = texts.count == names.count ? texts : nil
    }
    fields.names = Set(signed.keys.compactMap(\.text))
    return fields
  }

  /// Seconds since 1970 (RFC 8949, section 3.4.2), whole ones.
  private static func time(_ name: String, of signed: [CBOR: CBOR]) throws(Refusal) -> Date? {
    guard let value = signed[.text(name)] else { return nil }
    // To the year 9999, as times in certificates.
    guard case .tagged(1, .integer(let seconds)) = value, (0...253_402_300_799).contains(seconds) else {
      throw Refusal("the header \(name) is no time in whole seconds, with the tag 1")
    }
    return Date(timeIntervalSince1970: TimeInterval(seconds))
  }
}
