import ContainerImage
import Foundation
import Testing
import X509

@testable import Trust

/// Good inputs with seeded damage: nothing ends the program, and nothing damaged is good unless it says the same.
@Suite struct NotationHostileInputTests {
  private let material: NotationMaterial

  init() throws { material = try NotationMaterial.shared }

  /// SplitMix64.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
  }

  private static func damaged(_ bytes: [UInt8], by generator: inout Generator) -> [UInt8] {
    var bytes = bytes
    let position = Int.random(in: 0..<bytes.count, using: &generator)
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: bytes[position] = .random(in: .min ... .max, using: &generator)
    case 2: bytes.remove(at: position)
    case 3: bytes.insert(.random(in: .min ... .max, using: &generator), at: position)
    case 4: bytes.removeLast(bytes.count - position)
    default:
      let end = min(bytes.count, position + Int.random(in: 1...64, using: &generator))
      bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: 0...bytes.count, using: &generator))
    }
    return bytes
  }

  @Test(arguments: ["jws ES256", "cose ES256", "stamped", "cose stamped", "expiring"])
  func damagedEnvelopesSayTheSameOrAreBad(_ name: String) throws {
    let (bytes, mediaType) = try material.envelope(name)
    let whole = try NotationEnvelope(parsing: bytes, mediaType: mediaType)
    let stores = ["ca:main"] + (name.contains("stamped") ? ["tsa:main"] : [])
    let verifier = try material.verifier(material.policy(stores: stores))
    let now = try NotationMaterial.time(NotationMaterial.present)
    var generator = Generator(state: 20_260_601)
    for _ in 0..<300 {
      let other = Self.damaged(bytes, by: &generator)
      let verdict = verifier.verify(
        other, mediaType: mediaType, over: material.manifest, in: NotationMaterial.repository, at: now)
      guard verdict.verdict.isGood else { continue }
      // Only what nobody signed may differ: the signing agent, the spaces, and who else certified the same.
      let found = try NotationEnvelope(parsing: other, mediaType: mediaType)
      #expect(found.headers == whole.headers && found.payload == whole.payload)
      #expect(found.signedBytes == whole.signedBytes && found.certificates == whole.certificates)
    }
  }

  @Test func damagedTimeStampsSayTheSameOrAreBad() throws {
    let bytes = Array(material.sealedToken)
    let roots = try Certificate.certificates(parsing: Array(material.sealedRoot.utf8))
    let message = Array("message".utf8)
    let whole = try TimestampToken(parsing: bytes).verify(over: message, roots: roots)
    var generator = Generator(state: 3161)
    for _ in 0..<700 {
      guard let token = try? TimestampToken(parsing: Self.damaged(bytes, by: &generator)),
        let proven = try? token.verify(over: message, roots: roots)
      else { continue }
      #expect(proven == whole)
    }
  }

  @Test func damagedListsSayTheSameOrAreNotSigned() throws {
    let bytes = Array(try #require(material.crls["revoked"]))
    let pem = try #require(material.stores["ca:intermediate"])
    let issuer = try Certificate.certificates(parsing: Array(pem.utf8))[0]
    let intact = try CertificateRevocationList(parsing: bytes, from: "l")
    #expect(intact.isSigned(by: issuer))
    var generator = Generator(state: 5280)
    for _ in 0..<700 {
      let other = Self.damaged(bytes, by: &generator)
      guard other != bytes, let list = try? CertificateRevocationList(parsing: other, from: "l") else {
        continue
      }
      // The same signature can be written in other ways.
      if list.isSigned(by: issuer) { #expect(list.signedBytes == intact.signedBytes) }
    }
  }

  @Test func damagedCertificatesAreOthersOrNone() throws {
    let bytes = Array(material.rootDER)
    let whole = try #require(try Certificate.certificates(parsing: bytes).first)
    var generator = Generator(state: 509)
    for _ in 0..<700 {
      let other = Self.damaged(bytes, by: &generator)
      guard other != bytes, let found = try? Certificate.certificates(parsing: other).first else { continue }
      #expect(found != whole && found.der == other)
      #expect(!found.isIssued(by: whole) || found.tbsCertificateBytes == whole.tbsCertificateBytes)
      #expect(!found.subjectForMessage.isEmpty)
    }
  }

  @Test func damagedPoliciesEndNothing() throws {
    let text =
      #"{"version":"1.0","trustPolicies":[{"name":"a","registryScopes":["r.example/x"],"signatureVerification":{"level":"strict"},"trustStores":["ca:a"],"trustedIdentities":["x509.subject: C=US, ST=WA, O=a\\, b"]}]}"#
    let bytes = Array(text.utf8)
    var generator = Generator(state: 1)
    var refused = 0
    for _ in 0..<2000 {
      let other = Self.damaged(bytes, by: &generator)
      if (try? NotationTrustPolicy(parsing: other, from: "p")) == nil { refused += 1 }
    }
    #expect(refused > 1500)
  }
}
