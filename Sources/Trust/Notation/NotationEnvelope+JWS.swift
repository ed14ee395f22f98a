import ContainerImage
import FoundationEssentials

/// The envelope in JSON: one signature, flattened (JWS, RFC 7515, section 7.2.2; Notary Project, signature envelope JWS).
extension NotationEnvelope {
  /// - Throws: `Refusal`
  init(jws bytes: [UInt8]) throws(Refusal) {
    let envelope = try Self.object(bytes, "the envelope")
    let known = ["payload", "protected", "header", "signature"]
    if let unknown = envelope.members.first(where: { !known.contains($0.name) }) {
      throw Refusal("the envelope has the property \(unknown.name.quotedForMessage), which is not supported")
    }
    guard let payloadText = envelope["payload"]?.string, let protectedText = envelope["protected"]?.string,
      let signatureText = envelope["signature"]?.string, let header = envelope["header"], header.isObject
    else { throw Refusal("the envelope lacks payload, protected, header or signature") }
    guard let payload = StrictBase64.decodeURL(payloadText),
      let protected = StrictBase64.decodeURL(protectedText),
      let signature = StrictBase64.decodeURL(signatureText)
    else { throw Refusal("the envelope has a part that is not in base64 for URLs, without padding") }

    let signed = try Self.object(protected, "the protected header")
    guard Set(signed.members.map(\.name)).isDisjoint(with: header.members.map(\.name)) else {
      throw Refusal("a header is both signed and not signed")
    }
    guard let algorithm = signed["alg"]?.string.flatMap(NotationAlgorithm.init(rawValue:)) else {
      throw Refusal("the header alg is missing, or names an algorithm that is not supported")
    }
    guard case .array(let chain) = header["x5c"] else { throw Refusal("the header x5c is missing") }
    var encoded: [[UInt8]] = []
    for certificate in chain {
      guard let der = certificate.string.flatMap(StrictBase64.decode) else {
        throw Refusal("the header x5c has a certificate that is not in base64")
      }
      encoded.append(der)
    }
    var timestamp: [UInt8]?
    if let token = header[NotationHeaders.Name.timestampSignature] {
      timestamp = token.string.flatMap(StrictBase64.decode)
      guard timestamp != nil else { throw Refusal("the time stamp is not in base64") }
    }
    self.init(
      headers: try NotationHeaders(try Self.fields(signed)), algorithm: algorithm, payload: payload,
      signedBytes: Array("\(protectedText).\(payloadText)".utf8), signature: signature,
      certificates: try Self.certificates(encoded), timestamp: timestamp)
  }

  static func object(_ bytes: [UInt8], _ what: String) throws(Refusal) -> OrderedJSON {
    let document: OrderedJSON
    do { document = try OrderedJSON(strictlyParsing: bytes, what: what) } catch { throw Refusal("\(error)") }
    guard document.isObject else { throw Refusal("\(what) is no JSON object") }
    return document
  }

  private static func fields(_ signed: OrderedJSON) throws(Refusal) -> NotationHeaders.Fields {
    var fields = NotationHeaders.Fields()
    fields.contentType = signed["cty"]?.string
    fields.scheme = signed[NotationHeaders.Name.signingScheme]?.string
    fields.signingTime = try time(NotationHeaders.Name.signingTime, of: signed)
    fields.authenticSigningTime = try time(NotationHeaders.Name.authenticSigningTime, of: signed)
    fields.expiry = try time(NotationHeaders.Name.expiry, of: signed)
    if case .array(let names) = signed["crit"] {
      let texts = names.compactMap(\.string)
      fields.critical = texts.count == names.count ? texts : nil
    }
    fields.names = Set(signed.members.map(\.name))
    return fields
  }

  private static func time(_ name: String, of signed: OrderedJSON) throws(Refusal) -> Date? {
    guard let value = signed[name] else { return nil }
    guard let time = value.string.flatMap(RFC3339Time.init) else {
      throw Refusal("the header \(name) is no time such as 2022-04-06T07:01:20Z (RFC 3339)")
    }
    return Date(timeIntervalSince1970: TimeInterval(time.secondsSince1970))
  }
}
