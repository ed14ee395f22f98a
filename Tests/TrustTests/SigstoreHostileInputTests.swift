import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct SigstoreHostileInputTests {
  /// The numbers are the same in each run.
  struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

  /// What is not over the same bytes is not good: a changed bundle may be good still if the change is in what nobody signs.
  @Test(arguments: [
    "bundle", "logged bundle", "keyless bundle", "keyless bundle of the manifest", "keyless bundle 0.1",
  ])
  func changedBundlesAreBadOrMeanTheSame(name: String) throws {
    let material = try SigstoreMaterial.made.get()
    let tested = try #require(material.cases.first { $0.name == name })
    let verifier = try material.verifier(tested.config)
    let digest = try Digest(parsing: material.digest)
    let original = [UInt8](try #require(tested.bundle))
    let meaning = try Self.meaning(of: original)
    var numbers = Numbers(state: 42)
    var good = 0
    for _ in 0..<300 {
      let changed = Self.mutated(original, &numbers)
      let finding = verifier.verify(
        bundle: changed, of: [UInt8](material.manifest), digest: digest,
        at: Date(timeIntervalSince1970: tested.now))
      guard finding.verdict.isGood else { continue }
      good += 1
      #expect(try Self.meaning(of: changed) == meaning)
    }
    #expect(good < 150)
  }

  @Test(arguments: ["logged tag", "keyless tag"])
  func changedSignaturesAreBadOrMeanTheSame(name: String) throws {
    let material = try SigstoreMaterial.made.get()
    let tested = try #require(material.cases.first { $0.name == name })
    let verifier = try material.verifier(tested.config)
    let digest = try Digest(parsing: material.digest)
    let payload = [UInt8](try #require(tested.payload))
    let annotations = try #require(tested.annotations)
    let names = annotations.keys.filter { annotations[$0] != "" }.sorted()
    var numbers = Numbers(state: 43)
    for round in 0..<300 {
      var (changedPayload, changedAnnotations) = (payload, annotations)
      let index = round % (names.count + 1)
      if index == names.count {
        changedPayload = Self.mutated(payload, &numbers)
      } else {
        let text = Array(try #require(annotations[names[index]]).utf8)
        changedAnnotations[names[index]] = String(decoding: Self.mutated(text, &numbers), as: UTF8.self)
      }
      let finding = verifier.verify(
        CosignSignature(payload: changedPayload, annotations: changedAnnotations), of: digest,
        at: Date(timeIntervalSince1970: tested.now))
      guard finding.verdict.isGood else { continue }
      #expect(changedPayload == payload)
      let key = "dev.cosignproject.cosign/signature"
      #expect(changedAnnotations[key] == annotations[key])
    }
  }

  @Test func changedTrustRootsAndKeyFilesDoNoHarm() throws {
    let material = try SigstoreMaterial.made.get()
    let root = [UInt8](try #require(material.roots["full"]))
    let key = Array(try #require(try CosignKeyFileTests.Material.made.get().unencrypted.first).file.utf8)
    var numbers = Numbers(state: 44)
    for _ in 0..<300 {
      _ = try? SigstoreTrustRoot(parsing: Self.mutated(root, &numbers))
      _ = try? SigningKey(pem: SecretBytes(Self.mutated(key, &numbers)))
      _ = try? PublicKey(parsing: Self.mutated(key, &numbers))
    }
  }

  /// What a bundle's signature is over, and who made it.
  private static func meaning(of bundle: [UInt8]) throws -> [String?] {
    let document = try OrderedJSON(parsing: bundle)
    let envelope = document["dsseEnvelope"]
    let certificates = document["verificationMaterial"]?["x509CertificateChain"]
    return [
      envelope?["payload"]?.string, envelope?["payloadType"]?.string,
      document["messageSignature"]?["signature"]?.string,
      document["verificationMaterial"]?["certificate"]?["rawBytes"]?.string, certificates?.line,
    ]
  }

  /// One change, of a kind that finds its way through parsers.
  static func mutated(_ bytes: [UInt8], _ numbers: inout Numbers) -> [UInt8] {
    var bytes = bytes
    let position = Int.random(in: 0..<bytes.count, using: &numbers)
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
    case 1: bytes[position] = UInt8.random(in: 0...255, using: &numbers)
    case 2: bytes.remove(at: position)
    case 3: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &numbers)], at: position)
    case 4: bytes.removeSubrange(position..<min(bytes.count, position + 16))
    default:
      // One letter of base64 for another, which most checks of form let through.
      let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
      bytes[position] = letters[Int.random(in: 0..<64, using: &numbers)]
    }
    return bytes
  }
}
