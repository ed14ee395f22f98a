import ContainerImage
import FoundationEssentials
import Trust

/// Tokens in the compact form: header, claims and signature, each in base64 for URLs (RFC 7519; RFC 7515, section 7.1;
/// what RFC 8725 advises).
public struct JSONWebToken: Sendable {
  /// Bytes.
  public static let maximumSize = 16 << 10
  /// Keys that are tried for a token that names none. Each costs time, and anybody can send such tokens.
  public static let maximumTries = 16
  /// Seconds that the clocks of issuer and registry may differ.
  public static let leeway: TimeInterval = 60

  let header: OrderedJSON
  /// Of no worth before the signature is looked at.
  let unverifiedClaims: OrderedJSON
  private let signedBytes: [UInt8]
  private let signature: [UInt8]

  /// Verifies the signature, `exp` (which has to be there) and `nbf`. Issuer and audience are the caller's to compare.
  /// - Parameters:
  ///   - keys: of one issuer. A token's key is the one that it names by `kid`, or that of its certificates (`x5c`) if they lead to
  ///     a certificate among these; without both, each of its
  ///     algorithm is tried, up to `maximumTries`. Keys in the token (`jwk`, `jku`, `x5u`) are not looked at.
  ///   - now: the present.
  /// - Returns: the claims, in which no object has a name twice.
  public static func verify(
    _ text: String, keys: [TokenKey], at now: Date
  ) -> Result<OrderedJSON, TokenRefusal> {
    do throws(TokenRefusal) {
      let token = try JSONWebToken(parsing: text)
      try token.verifySignature(keys: keys, at: now)
      try token.verifyTimes(at: now)
      return .success(token.unverifiedClaims)
    } catch {
      return .failure(error)
    }
  }

  /// The issuer that a token claims to be from, to choose the keys that it is to be verified with, and for nothing else.
  /// - Returns: nil if the text is no token, or names none.
  public static func claimedIssuer(of text: String) -> String? {
    // Whatever else is given as a password is not worth the work.
    guard text.utf8.starts(with: "ey".utf8) else { return nil }
    return (try? JSONWebToken(parsing: text))?.unverifiedClaims["iss"]?.string
  }

  init(parsing text: String) throws(TokenRefusal) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.maximumSize else {
      throw .malformed(reason: "it has more than \(Self.maximumSize) bytes")
    }
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .malformed(reason: "it does not have three parts") }
    var decoded: [[UInt8]] = []
    for part in parts {
      guard let bytes = StrictBase64.decodeURL(String(decoding: part, as: UTF8.self)) else {
        throw .malformed(reason: "a part is not in base64 for URLs without padding")
      }
      decoded.append(bytes)
    }
    header = try Self.object(decoded[0], "the header")
    unverifiedClaims = try Self.object(decoded[1], "the set of claims")
    signature = decoded[2]
    signedBytes = Array(bytes[..<parts[1].endIndex])
    if header["crit"] != nil {
      throw .malformed(reason: "its header has crit, and nothing that could be critical is supported")
    }
    if let type = header["typ"], type.string?.lowercased() != "jwt" {
      throw .malformed(reason: "its header has another typ than JWT")
    }
  }

  private static func object(_ bytes: [UInt8], _ what: String) throws(TokenRefusal) -> OrderedJSON {
    let document: OrderedJSON
    do { document = try OrderedJSON(strictlyParsing: bytes, what: what) } catch {
      throw .malformed(reason: "\(error)")
    }
    guard document.isObject else { throw .malformed(reason: "\(what) is no JSON object") }
    return document
  }

  // MARK: - Signature

  private func verifySignature(keys: [TokenKey], at now: Date) throws(TokenRefusal) {
    guard let name = header["alg"]?.string else { throw .malformed(reason: "its header lacks alg") }
    guard let algorithm = TokenAlgorithm(rawValue: name) else { throw .algorithm(name) }
    let candidates = try candidates(among: keys, at: now)
    guard !candidates.isEmpty else { throw .unknownKey }
    let suitable = candidates.filter { $0.algorithm == algorithm }
    guard !suitable.isEmpty else { throw .algorithm(name) }
    guard suitable.count <= Self.maximumTries else {
      throw .malformed(reason: "more than \(Self.maximumTries) keys could be meant: its header needs a kid")
    }
    for key in suitable
    where key.publicKey.isValidSignature(signature, for: signedBytes, by: key.algorithm.scheme) { return }
    throw .badSignature
  }

  private func candidates(among keys: [TokenKey], at now: Date) throws(TokenRefusal) -> [TokenKey] {
    let trusted = keys.map(\.trusted)
    // Where no certificate is trusted, a token's own say nothing.
    let chain = trusted.contains(where: \.isCertified) ? header["x5c"] : nil
    if let member = header["kid"] {
      guard let name = member.string.map(ExactText.init) else {
        throw .malformed(reason: "its header's kid is no text")
      }
      let named = keys.filter { $0.names.contains(name) }
      if !named.isEmpty || chain == nil { return named }
    }
    guard let chain else { return keys }
    guard case .array(let elements) = chain else { throw .malformed(reason: "its header's x5c is no list") }
    var certificates: [[UInt8]] = []
    for element in elements {
      guard let der = element.string.flatMap(StrictBase64.decode) else {
        throw .malformed(reason: "its header's x5c has a certificate that is not in base64")
      }
      certificates.append(der)
    }
    do {
      return [TokenKey(try TrustedKey.key(ofChain: certificates, leadingTo: trusted, at: now))]
    } catch {
      throw .certificates(reason: "\(error)")
    }
  }

  // MARK: - Times

  private func verifyTimes(at now: Date) throws(TokenRefusal) {
    guard let expires = try Self.time("exp", of: unverifiedClaims) else {
      throw .malformed(reason: "it does not say when it expires (exp)")
    }
    guard now < expires.addingTimeInterval(Self.leeway) else { throw .expired(at: expires) }
    if let start = try Self.time("nbf", of: unverifiedClaims), now < start.addingTimeInterval(-Self.leeway) {
      throw .notYetValid(before: start)
    }
    _ = try Self.time("iat", of: unverifiedClaims)
  }

  /// NumericDate (RFC 7519, section 2).
  static func time(_ name: String, of claims: OrderedJSON) throws(TokenRefusal) -> Date? {
    guard let value = claims[name] else { return nil }
    // Until the end of the year 9999.
    guard case .literal(let text) = value, let seconds = Double(text), (0..<253_402_300_800).contains(seconds)
    else { throw .malformed(reason: "its \(name) is no number of seconds since 1970") }
    return Date(timeIntervalSince1970: seconds)
  }

  // MARK: - Audience

  /// What `aud` says: one text, or a list of them.
  static func audience(of claims: OrderedJSON) throws(TokenRefusal) -> [String] {
    switch claims["aud"] {
    case .string(let one): return [one]
    case .array(let values):
      let texts = values.compactMap(\.string)
      guard texts.count == values.count else { fallthrough }
      return texts
    default: throw .malformed(reason: "its audience (aud) is missing, or no text or list of texts")
    }
  }
}
