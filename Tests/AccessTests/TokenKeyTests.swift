import Access
import ContainerImage
import Foundation
import Testing

@Suite struct TokenKeyTests {
  /// RFC 7638, section 3.1.
  private static let rsa = """
    {"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX\
    jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd\
    AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa\
    pJzKnqDKgw", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    """
  /// RFC 8037, appendix A.2.
  private static let ed25519 =
    #"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
  /// RFC 7517, appendix A.1.
  private static let p256 = """
    {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
     "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
    """

  private static func keys(_ jwks: String...) throws -> [TokenKey] {
    try TokenKey.keys(parsing: Array(" {\"keys\": [\(jwks.joined(separator: ","))]}".utf8), what: "jwks.json")
  }

  @Test func thumbprintsAreThoseOfTheSpecifications() throws {
    #expect(
      try Self.keys(Self.rsa, Self.ed25519).map(\.thumbprint) == [
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
      ])
    #expect(try Self.keys(Self.rsa, Self.ed25519, Self.p256).map(\.algorithm) == [.rs256, .edDSA, .es256])
  }

  private static func changed(_ key: String, _ old: String, _ new: String) -> String {
    #expect(key.contains(old))
    return key.replacingOccurrences(of: old, with: new)
  }

  @Test func malformedKeysAreRefusedWithTheirPlace() throws {
    let short = "\"n\": \"" + String(repeating: "_", count: 170) + "w\""
    let long = "\"n\": \"" + String(repeating: "_", count: 1368) + "\""
    for (key, reason) in [
      (Self.changed(Self.p256, "MKBC", "MKBD"), "keys[0]: its numbers are no key of its kind"),
      (Self.changed(Self.p256, "MKBC", "MKB"), "keys[0].x: it is not base64"),
      (Self.changed(Self.p256, "MKBC", ""), "keys[0].x: it has 29 bytes; 32 are expected"),
      (Self.changed(Self.p256, "P-256", "P-384"), "keys[0].x: it has 32 bytes; 48 are expected"),
      (Self.changed(Self.p256, "\"y\"", "\"z\""), "keys[0]: y is missing"),
      (Self.changed(Self.p256, "\"crv\"", "\"z\""), "keys[0]: crv is missing"),
      (Self.changed(Self.p256, "\"kty\"", "\"z\""), "keys[0]: kty is missing"),
      (Self.changed(Self.p256, "\"kty\"", "\"d\": \"AA\", \"kty\""), "keys[0]: it is a private key"),
      (Self.changed(Self.ed25519, "11qY", ""), "keys[0].x: it has 29 bytes"),
      (Self.changed(Self.rsa, "AQAB", "AQ"), "keys[0].e: it is no public exponent"),
      (Self.changed(Self.rsa, "AQAB", "Ag"), "keys[0].e: it is no public exponent"),
      (Self.changed(Self.rsa, "\"e\"", "\"z\""), "keys[0]: e is missing"),
      ("{\"kty\": \"RSA\", \"e\": \"AQAB\", \(short)}", "keys[0]: its numbers are no key of its kind"),
      ("{\"kty\": \"RSA\", \"e\": \"AQAB\", \(long)}", "keys[0].n: the key has more than 8192 bits"),
      ("1", "keys[0]: expected an object"),
      (Self.changed(Self.p256, "\"kty\"", "\"kty\": \"EC\", \"kty\""), "twice"),
    ] {
      let error = #expect(throws: AccessError.self) { try Self.keys(key, Self.ed25519) }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.hasPrefix("jwks.json cannot be used: ") && text.contains(reason), "\(text), not \(reason)")
    }
  }

  @Test(arguments: [
    "", "x", "{}", #"{"keys": []}"#, #"{"keys": {}}"#, #"{"keys": [{"kty": "oct", "k": "AA"}]}"#, "[]",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\n",
  ])
  func whatHasNoKeyIsRefused(text: String) {
    #expect(throws: AccessError.self) { try TokenKey.keys(parsing: Array(text.utf8), what: "keys") }
  }

  @Test func sizesHaveLimits() {
    let large = [UInt8](repeating: 0x20, count: TokenKey.maximumSize + 1)
    #expect(throws: AccessError.tooLarge(what: "keys", limit: TokenKey.maximumSize)) {
      try TokenKey.keys(parsing: large, what: "keys")
    }
  }
}
