import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct TagListTests {
  /// What `tag_lists.py` makes.
  private struct Material: Decodable {
    struct Case: Decodable {
      let name: String
      /// "good", or a part of the reason why it is bad.
      let expect: String
      let envelope: Data
      let keys: [Data]
      let former: Former?
      let now: Double
    }

    /// What was seen before.
    struct Former: Decodable {
      let version: Int64
      /// Whether it was the list `good`; by `other`, it was signed by that key.
      let digest: String
      let key: String?
    }

    let repository: String
    let cases: [Case]
    let keys: [String: Data]
  }

  private static let made = Result { try PythonMaterial.make(Material.self, by: "tag_lists") }

  private static func requirement(
    _ keys: [Data], of repository: ImageReference
  ) throws -> TagListRequirement {
    let texts = keys.map { "\"\($0.base64EncodedString())\"" }.joined(separator: ",")
    let policy = try Policy(
      """
      {"default": [{"type": "reject"}],
       "kontor": {"freshness": {"registry.example/team": {"type": "signedTags", "keyDatas": [\(texts)]}}}}
      """)
    return try #require(policy.freshness(of: repository))
  }

  private static func mark(_ verdict: TagListVerdict) throws -> TagListMark {
    guard case .good(let found) = verdict else { throw Unexpected(verdict: verdict) }
    return found.mark
  }

  private struct Unexpected: Error { let verdict: TagListVerdict }

  /// The table of good lists and of attacks is in `Materials/tag_lists.py`.
  @Test func everyListIsJudgedAsExpected() throws {
    let material = try Self.made.get()
    let repository = try ImageReference(parsing: material.repository)
    let seen = try #require(material.cases.first { $0.name == "seen before" })
    let good = try Self.mark(
      Self.requirement(seen.keys, of: repository).judge(
        [UInt8](seen.envelope), of: repository, after: nil, at: Date(timeIntervalSince1970: seen.now)))
    #expect(good.version == 5)
    for tested in material.cases {
      let former = try tested.former.map { former in
        var keyID = good.keyID
        if let name = former.key {
          keyID = try PublicKey(parsing: [UInt8](#require(material.keys[name]))).keyID
        }
        return TagListMark(version: former.version, keyID: keyID, digest: good.digest)
      }
      let verdict = try Self.requirement(tested.keys, of: repository).judge(
        [UInt8](tested.envelope), of: repository, after: former, at: Date(timeIntervalSince1970: tested.now))
      switch verdict {
      case .good(let found):
        #expect(tested.expect == "good", "\(tested.name)")
        #expect(found.list.repository == material.repository && found.list.version == 5)
        if tested.name == "no tags" { #expect(found.list.tags.isEmpty) }
        if tested.name == "seen before" {
          let digest = try Digest(parsing: "sha256:" + String(repeating: "a", count: 64))
          #expect(found.list.tags == [try Tag(parsing: "v1"): TagList.Target(digest: digest, size: 7)])
        }
      case .bad(let reason):
        let isExpected = tested.expect != "good" && reason.contains(tested.expect)
        #expect(isExpected, "\(tested.name): \(reason)")
      }
    }
    #expect(material.cases.count > 45)
  }

  @Test func listsAreReadByAnotherProgram() throws {
    let keys = try CosignKeyFileTests.Material.made.get().unencrypted
    #expect(keys.count > 3)
    for made in keys { try isRead(SigningKey(pem: SecretBytes(Array(made.file.utf8)))) }
  }

  private func isRead(_ key: SigningKey) throws {
    let repository = try ImageReference(parsing: "localhost:5000/team/app")
    let digest = try Digest(parsing: "sha512:" + String(repeating: "ab", count: 64))
    let expires = Date(timeIntervalSince1970: 1_790_000_000.9)
    let list = TagList(
      of: repository, version: 1_789_000_000, expires: expires,
      tags: [
        try Tag(parsing: "v1"): .init(digest: digest, size: 12), .latest: .init(digest: digest, size: 12),
      ])
    let signed = try list.signed(by: key)

    let file = FileManager.default.temporaryDirectory.appending(
      path: "kontor-key-\(UInt32.random(in: 0 ... .max))")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(key.publicKey.pem.utf8).write(to: file)
    struct Read: Decodable {
      struct Target: Decodable {
        let length: Int
        let hashes: [String: String]
      }
      let type: String
      let version: Int64
      let expires: Double
      let repository: String
      let tags: [String: Target]
    }
    let read = try JSONDecoder().decode(
      Read.self, from: Data(try PythonMaterial.run("tag_lists", file.path, input: signed)))
    #expect(read.type == "targets" && read.version == 1_789_000_000 && read.expires == 1_790_000_000)
    #expect(read.repository == "localhost:5000/team/app")
    #expect(read.tags.keys.sorted() == ["latest", "v1"])
    #expect(read.tags["v1"]?.length == 12)
    #expect(read.tags["v1"]?.hashes == ["sha512": String(repeating: "ab", count: 64)])
  }

  /// What is changed after it was signed is bad, or says the same still.
  @Test func changedListsAreBadOrMeanTheSame() throws {
    let material = try Self.made.get()
    let repository = try ImageReference(parsing: material.repository)
    let tested = try #require(material.cases.first { $0.name == "seen before" })
    let requirement = try Self.requirement(tested.keys, of: repository)
    let now = Date(timeIntervalSince1970: tested.now)
    let original = [UInt8](tested.envelope)
    let mark = try Self.mark(requirement.judge(original, of: repository, after: nil, at: now))
    var numbers = SigstoreHostileInputTests.Numbers(state: 45)
    var good = 0
    for _ in 0..<1000 {
      let changed = SigstoreHostileInputTests.mutated(original, &numbers)
      guard case .good(let found) = requirement.judge(changed, of: repository, after: nil, at: now) else {
        continue
      }
      good += 1
      #expect(found.mark == mark)
    }
    #expect(good < 400)
  }

  @Test func thePolicySaysWhoSigns() throws {
    let material = try Self.made.get()
    let key = try #require(material.keys["other"]).base64EncodedString()
    let signed = #"{"type": "signedTags", "keyData": "\#(key)"}"#
    func policy(_ scopes: String) throws -> Policy {
      try Policy(#"{"default": [{"type": "reject"}], "kontor": {"freshness": {\#(scopes)}}}"#)
    }
    let narrow = try policy(
      #""*.example": \#(signed), "registry.example/team/app": {"type": "insecureAcceptAnything"}"#)
    for (name, isNeeded) in [
      ("registry.example/team/app:v1", false), ("registry.example/team/apps", true),
      ("registry.example/team", true), ("registry.test/team", false),
    ] {
      let requirement = narrow.freshness(of: try ImageReference(parsing: name))
      #expect((requirement != nil) == isNeeded, "\(name)")
    }
    #expect(try policy(#""": \#(signed)"#).freshness(of: ImageReference(parsing: "a.test/b")) != nil)
    let other = try Policy(#"{"default": [{"type": "reject"}], "kontor": {"enforcement": {}}}"#)
    #expect(try other.freshness(of: ImageReference(parsing: "a.test/b")) == nil)
    #expect(try policy(#""": \#(signed)"#).revision != policy(#""a.test": \#(signed)"#).revision)
    for (scopes, reason) in [
      (#""": {"type": "signedBy"}"#, #"kontor.freshness[""]: there is no type "signedBy""#),
      (#""": {"type": "signedTags"}"#, "keyPath or keyData is missing"),
      (#""": {"type": "signedTags", "keyData": "YQ=="}"#, "this is no public key"),
      (#""": {"type": "signedTags", "keyPath": "none"}"#, "cannot read none"),
      (#""": {"type": "signedTags", "keyData": "\#(key)", "threshold": 2}"#, "it is not known here"),
      (#""a.example/b:c": \#(signed)"#, "name its repository instead"),
      (#""team": \#(signed)"#, "does not begin with a registry's host"),
    ] {
      let error = #expect(throws: TrustError.self) { try policy(scopes) }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains(reason), "\(scopes): \(text)")
    }
  }
}
