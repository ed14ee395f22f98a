import ContainerImage
import Foundation

@testable import Trust

/// What `Materials/notation.py` makes, once for all suites.
struct NotationMaterial: Decodable, Sendable {
  struct Case: Decodable, Sendable {
    let envelope: Data
    let mediaType: String
  }

  struct Key: Decodable, Sendable {
    let key: String
    let traditional: String
    let chain: String
  }

  struct OpenSSL: Decodable, Sendable {
    let tokens: [String: Data]
    let root: String
    let certificate: String
    let content: String
    let at: Double
  }

  let manifest: Descriptor
  let cases: [String: Case]
  let stores: [String: String]
  let leafPEM: String
  let rootDER: Data
  let tsaIntermediate: String
  let crls: [String: Data]
  let openssl: OpenSSL
  let keys: [String: Key]
  /// Over `message`, with its authority's root.
  let sealedToken: Data
  let sealedRoot: String

  private static let made = Result { try PythonMaterial.make(NotationMaterial.self, by: "notation") }

  static var shared: NotationMaterial { get throws { try made.get() } }

  static let present = "2026-06-01T00:00:00Z"
  static let repository = "registry.example:5000/net/monitor"

  static func time(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  func policy(
    level: String = "strict", override: String = "", timestamps: String? = nil,
    stores: [String] = ["ca:main", "ca:self", "ca:rsa", "signingAuthority:main"],
    identities: [String] = ["x509.subject: C=US, ST=WA, O=Wabbit\\, Inc"]
  ) throws -> NotationTrustPolicy {
    let override = override.isEmpty ? "" : #","override":{\#(override)}"#
    let timestamps = timestamps.map { #","verifyTimestamp":"\#($0)""# } ?? ""
    let text = #"""
      {"version":"1.0","trustPolicies":[{"name":"wabbit","registryScopes":["registry.example:5000/net/monitor"],
      "signatureVerification":{"level":"\#(level)"\#(override)\#(timestamps)},
      "trustStores":\#(json(stores)),"trustedIdentities":\#(json(identities))}]}
      """#
    return try NotationTrustPolicy(parsing: Array(text.utf8), from: "trustpolicy.json")
  }

  private func json(_ texts: [String]) -> String { OrderedJSON.array(texts.map(OrderedJSON.string)).line }

  private static let madeStores = Result {
    var result = NotationTrustStores()
    for (name, certificates) in try shared.stores {
      try result.add(Array(certificates.utf8), to: try NotationTrustStore(parsing: name), from: name)
    }
    return result
  }

  var trustStores: NotationTrustStores { get throws { try Self.madeStores.get() } }

  func verifier(_ policy: NotationTrustPolicy? = nil, crls names: [String] = []) throws -> NotationVerifier {
    let lists = try names.map { name in
      try CertificateRevocationList(parsing: Array(try require(crls[name], name)), from: name)
    }
    return try NotationVerifier(
      policy: try policy ?? self.policy(), stores: trustStores, revocationLists: lists)
  }

  func envelope(_ name: String) throws -> (bytes: [UInt8], mediaType: MediaType) {
    let found = try require(cases[name], name)
    return (Array(found.envelope), MediaType(found.mediaType))
  }

  func verdict(
    _ name: String, by verifier: NotationVerifier? = nil, at time: String = present
  ) throws -> NotationVerdict {
    let (bytes, mediaType) = try envelope(name)
    return try (verifier ?? self.verifier()).verify(
      bytes, mediaType: mediaType, over: manifest, in: Self.repository, at: try Self.time(time))
  }

  private func require<Value>(_ value: Value?, _ name: String) throws -> Value {
    guard let value else { throw PythonMaterial.Failure(description: "notation.py makes no \(name)") }
    return value
  }
}

extension NotationVerdict {
  /// Why it is bad; nil if it is good.
  var reason: String? {
    if case .bad(let reason) = verdict.outcome { return reason }
    return nil
  }

  func failure(_ check: NotationCheck) -> String? { results.first { $0.check == check }?.failure }
}
