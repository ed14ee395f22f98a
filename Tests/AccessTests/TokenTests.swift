import Access
import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct TokenTests {
  private static func verifiers(_ material: TokenMaterial) throws -> [String: TokenVerifier] {
    try material.keys.mapValues { text in
      TokenVerifier(
        keys: try TokenKey.keys(parsing: Array(text.utf8), what: "keys"), issuer: material.issuer,
        audience: material.audience)
    }
  }

  private static func name(of refusal: TokenRefusal) -> String {
    switch refusal {
    case .malformed: "malformed"
    case .algorithm: "algorithm"
    case .unknownKey: "unknownKey"
    case .certificates: "certificates"
    case .badSignature: "badSignature"
    case .expired: "expired"
    case .notYetValid: "notYetValid"
    case .otherIssuer: "otherIssuer"
    case .otherAudience: "otherAudience"
    }
  }

  /// The table of good tokens and of attacks is in `Materials/tokens.py`.
  @Test func everyTokenIsJudgedAsExpected() throws {
    let material = try TokenMaterial.made.get()
    let verifiers = try Self.verifiers(material)
    let app = try RepositoryName(parsing: "team/app")
    for tested in material.cases {
      let verifier = try #require(verifiers[tested.verifier])
      switch verifier.verify(tested.token, at: material.time) {
      case .success(let claims):
        #expect(tested.expect == "good", "\(tested.name)")
        #expect(claims.identity == Identity(kind: .user, name: "alice"), "\(tested.name)")
        #expect(claims.access.actions(on: app) == [.pull, .push, .sign], "\(tested.name)")
      case .failure(let refusal):
        let isExpected = tested.expect.components(separatedBy: " or ").contains(Self.name(of: refusal))
        #expect(isExpected, "\(tested.name): \(refusal), not \(tested.expect)")
      }
    }
    #expect(material.cases.count > 220)
    #expect(material.cases.count { $0.expect == "good" } > 35)
  }

  /// Each key has two names besides the one that the set gives it; what is not for signatures is not there.
  @Test func keysOfASetAreChosen() throws {
    let material = try TokenMaterial.made.get()
    let keys = try TokenKey.keys(jwks: Array(try #require(material.keys["jwks"]).utf8), what: "keys")
    #expect(keys.map(\.algorithm) == [.es256, .es384, .es512, .edDSA, .rs256, .ps256, .rs512, .es256])
    let again = try TokenKey.keys(parsing: Array(TokenKey.jwks(keys).utf8), what: "keys")
    #expect(again.map(\.publicKey) == keys.map(\.publicKey))
    #expect(again.map(\.algorithm) == keys.map(\.algorithm))
  }

  private static func signers(_ material: TokenMaterial) throws -> [String: TokenSigner] {
    try material.privateKeys.mapValues { pem in
      TokenSigner(key: try SigningKey(pem: SecretBytes(Array(pem.utf8))))
    }
  }

  private static func claims(_ material: TokenMaterial, _ identity: Identity) throws -> TokenClaims {
    TokenClaims(
      identity: identity, issuer: material.issuer, audience: material.audience,
      access: [
        TokenScope(repository: try RepositoryName(parsing: "team/app"), actions: [.push, .pull]),
        TokenScope(type: "repository", resourceClass: "plugin", name: "team/p", actions: ["*"]),
        TokenScope(repository: try RepositoryName(parsing: "other"), actions: []),
      ], at: material.time.addingTimeInterval(0.7), lifetime: 300)
  }

  @Test func tokensAreReadByAnotherProgram() throws {
    struct Read: Decodable {
      struct Header: Decodable {
        let typ: String
        let alg: String
        let kid: String
      }
      struct Claims: Decodable {
        struct Access: Decodable {
          let type: String
          let name: String
          let actions: [String]
        }
        let sub: String
        let jti: String
        let exp: Int
        let nbf: Int
        let iat: Int
        let access: [Access]
      }
      let header: Header
      let claims: Claims
    }
    let material = try TokenMaterial.made.get()
    let signers = try Self.signers(material).sorted { $0.key < $1.key }
    let tokens = try signers.map { name, signer in
      try signer.sign(Self.claims(material, Identity(kind: .token, name: "ci \u{e9} \(name)")))
    }
    let keys = TokenKey.jwks(signers.map(\.value.key))
    let given: [String: Any] = [
      "jwks": try JSONSerialization.jsonObject(with: Data(keys.utf8)), "tokens": tokens,
      "issuer": material.issuer, "audience": material.audience,
    ]
    let input = [UInt8](try JSONSerialization.data(withJSONObject: given))
    let read = try JSONDecoder().decode([Read].self, from: try Program.tokens("read", input: input))
    #expect(read.map(\.header.alg) == ["ES256", "ES384", "ES512", "EdDSA", "RS256"])
    #expect(read.count == signers.count)
    for (one, (name, signer)) in zip(read, signers) {
      #expect(one.header.typ == "JWT" && one.header.kid == signer.key.thumbprint && one.header.alg == name)
      #expect(one.claims.sub == "ci \u{e9} \(name)" && one.claims.jti.count == 32)
      let now = Int(material.now)
      #expect(one.claims.exp == now + 300 && one.claims.nbf == now && one.claims.iat == now)
      #expect(one.claims.access.map(\.name) == ["team/app", "team/p", "other"])
      #expect(one.claims.access.map(\.actions) == [["pull", "push"], ["*"], []])
    }
  }

  @Test(arguments: [
    Identity.anonymous, Identity(kind: .user, name: "alice", groups: ["dev", "\u{e9}"]),
    Identity(kind: .token, name: "ci"), Identity(kind: .workload, name: "a:b/c", groups: ["x"]),
    Identity(kind: .certificate, name: "CN=x,O=\"y\""),
  ])
  func whatIsSignedIsRead(identity: Identity) throws {
    let material = try TokenMaterial.made.get()
    for (_, signer) in try Self.signers(material) {
      let claims = try Self.claims(material, identity)
      let token = try signer.sign(claims)
      let keys = try TokenKey.keys(parsing: Array(signer.publicKeys.utf8), what: "keys")
      let verifier = TokenVerifier(keys: keys, issuer: material.issuer, audience: material.audience)
      let read = try verifier.verify(token, at: material.time).get()
      #expect(read == claims)
      #expect(
        try read.access.actions(on: RepositoryName(parsing: "team/p")) == [.pull, .push, .delete, .sign])
      #expect(try read.access.actions(on: RepositoryName(parsing: "other")).isEmpty)
      #expect(try read.access.actions(on: RepositoryName(parsing: "none")).isEmpty)
    }
  }

  @Test func whatNobodyWouldReadIsNotSigned() throws {
    let signer = TokenSigner(key: try SigningKey())
    let groups = Set((0..<2000).map { "group-\($0)" })
    let claims = TokenClaims(
      identity: Identity(kind: .user, name: "a", groups: groups), issuer: "i", audience: "a", access: [],
      at: Date(), lifetime: 60)
    #expect(throws: AccessError.tooLarge(what: "the token", limit: JSONWebToken.maximumSize)) {
      try signer.sign(claims)
    }
  }

  /// A token of which anything was changed is good no more.
  @Test func changedTokensAreBad() throws {
    let material = try TokenMaterial.made.get()
    var numbers = SeededGenerator(seed: 7)
    let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \0".utf8)
    for (name, signer) in try Self.signers(material) {
      let original = Array(try signer.sign(Self.claims(material, Identity(kind: .user, name: "alice"))).utf8)
      let verifier = TokenVerifier(
        keys: [signer.key], issuer: material.issuer, audience: material.audience)
      for _ in 0..<500 {
        var changed = original
        for _ in 0..<Int.random(in: 1...3, using: &numbers) {
          let place = Int.random(in: 0..<changed.count, using: &numbers)
          let character = try #require(characters.randomElement(using: &numbers))
          switch Int.random(in: 0..<5, using: &numbers) {
          case 0: changed.insert(character, at: place)
          case 1: changed.remove(at: place)
          case 2: changed[place] ^= 1 << UInt8.random(in: 0..<7, using: &numbers)
          case 3: changed.swapAt(place, Int.random(in: 0..<changed.count, using: &numbers))
          default: changed[place] = character
          }
        }
        if changed == original { continue }
        let verdict = verifier.verify(String(decoding: changed, as: UTF8.self), at: material.time)
        if case .success(let claims) = verdict { Issue.record("\(name): \(claims)") }
      }
    }
  }

  /// Otherwise each token would cost as many looks as there are keys.
  @Test func aTokenWithoutAKeysNameIsTriedWithFewKeys() throws {
    let material = try TokenMaterial.made.get()
    let set = try TokenKey.keys(parsing: Array(#require(material.keys["jwks"]).utf8), what: "keys")
    let many = set + (try (0..<15).map { _ in TokenKey(try SigningKey().publicKey) })
    for (name, keys, expected) in [
      ("thumbprint ES256", many, "good"), ("no kid", many, "good"),
      ("no kid, the second of its algorithm", many, "malformed"),
      ("another key without kid", many, "malformed"),
      ("another key without kid", many.dropLast(), "badSignature"),
      ("no kid, the second of its algorithm", many.dropLast(), "good"),
    ] {
      let token = try #require(material.cases.first { $0.name == name }).token
      switch JSONWebToken.verify(token, keys: Array(keys), at: material.time) {
      case .success: #expect(expected == "good", "\(name)")
      case .failure(let refusal): #expect(Self.name(of: refusal) == expected, "\(name): \(refusal)")
      }
    }
  }
}
