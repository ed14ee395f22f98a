import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct SimpleSigningTests {
  /// A policy that wants a signature by one of the keys in `ann.gpg`.
  private func policy(
    _ keyring: [UInt8], identity: String = #"{"type":"matchRepoDigestOrExact"}"#
  ) throws -> Policy {
    try Policy(
      #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"ann.gpg","signedIdentity":\#(identity)}]}"#,
      ["ann.gpg": keyring])
  }

  private func verdict(_ decision: PolicyDecision) throws -> SignatureVerdict {
    let signature = try #require(decision.finding.parts.first?.signatures.first)
    return signature.verdict
  }

  @Test(arguments: ["rsa3072", "ed25519", "nistp256"])
  func whatSkopeoSignsIsGood(algorithm: String) throws {
    try Skopeo.use { skopeo in
      let ann = try skopeo.gpg.makeKey("Ann <ann@example.com>", algorithm)
      let reference = try skopeo.reference("team/app:v1")
      let manifest = TestManifest()
      try skopeo.push(manifest, as: reference, "--sign-by", "\(ann)")
      let signatures = try skopeo.signatures(of: manifest, in: reference)
      #expect(signatures.count == 1)
      let policy = try policy(skopeo.gpg.run("--export", "Ann"))
      let decision = policy.evaluate(
        try manifest.image(at: .registry(reference)), SignatureEvidence(simpleSigning: signatures), at: now)
      #expect(decision.isAllowed && decision.reasons.isEmpty && decision.validUntil == nil)
      let verdict = try verdict(decision)
      guard case .good(let signer, let signedAt?) = verdict.outcome else {
        Issue.record("\(verdict)")
        return
      }
      #expect(signer == .openPGP(fingerprint: ann, userIDs: ["Ann <ann@example.com>"]))
      #expect(abs(signedAt.timeIntervalSinceNow) < 3600)
      #expect(verdict.format == .simpleSigning && verdict.digest == manifest.digest)
      #expect(decision.finding.parts.first?.signatures.first?.claim == reference)
    }
  }

  @Test func whatSkopeoWritesToALookasideIsGood() throws {
    try Skopeo.use(extension: false) { skopeo in
      let ann = try skopeo.gpg.makeKey("Ann")
      let reference = try skopeo.reference("team/app:v1")
      try skopeo.gpg.write(
        "lookaside.yaml",
        "docker:\n  \(skopeo.registry):\n    lookaside: file://\(skopeo.gpg.home)/lookaside\n".utf8)
      let manifest = TestManifest()
      try skopeo.push(manifest, as: reference, "--sign-by", "\(ann)")
      let directory = "team/app@sha256=\(manifest.digest.encoded)"
      let signature = try skopeo.gpg.read("lookaside/\(directory)/signature-1")
      let decision = try policy(skopeo.gpg.run("--export", "Ann"))
        .evaluate(
          try manifest.image(at: .registry(reference)), SignatureEvidence(simpleSigning: [signature]), at: now
        )
      #expect(decision.isAllowed)
    }
  }

  @Test(arguments: ["rsa3072", "ed25519", "nistp256", "nistp384"])
  func skopeoAcceptsWhatIsSignedHere(algorithm: String) throws {
    try Skopeo.use { skopeo in
      let ann = try skopeo.gpg.makeKey("Ann", algorithm)
      let signer = try OpenPGPSigner(
        secretKey: SecretBytes(skopeo.gpg.run("--export-secret-keys", "Ann")), passphrase: nil, at: now)
      let reference = try skopeo.reference("team/app:v1")
      let manifest = TestManifest()
      let signature = try SimpleSigning.sign(
        manifest.digest, as: reference, creator: "kontor 1.0", by: signer, at: Date())
      try skopeo.gpg.write("signature", signature)
      try skopeo.gpg.write("manifest", manifest.manifest)
      let said = try skopeo.run([
        "standalone-verify", "manifest", "\(reference)", ann.description.uppercased(), "signature",
      ])
      #expect(said.contains("Signature verified, digest \(manifest.digest)"))

      try skopeo.push(manifest, as: reference)
      try skopeo.gpg.write("ann.gpg", skopeo.gpg.run("--export", "Ann"))
      let file =
        #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"\#(skopeo.gpg.home)/ann.gpg"}]}"#
      #expect(!skopeo.accepts("\(reference)", policy: file))
      try skopeo.setSignatures([signature], of: manifest, in: reference)
      #expect(skopeo.accepts("\(reference)", policy: file))
      let decision = try policy(skopeo.gpg.run("--export", "Ann"))
        .evaluate(
          try manifest.image(at: .registry(reference)), SignatureEvidence(simpleSigning: [signature]), at: now
        )
      #expect(decision.isAllowed)
    }
  }

  private let reference = "registry.example/team/app:v1"
  private func payload(_ manifest: TestManifest = TestManifest(), _ reference: String? = nil) -> String {
    #"{"critical":{"identity":{"docker-reference":"\#(reference ?? self.reference)"},"#
      + #""image":{"docker-manifest-digest":"\#(manifest.digest)"},"type":"atomic container signature"},"#
      + #""optional":{"creator":"a test","timestamp":1850000000}}"#
  }

  private func message(
    _ gpg: GnuPG, _ payload: String, by user: String = "Ann", _ options: [String] = []
  ) throws -> [UInt8] {
    try gpg.write("payload", payload.utf8)
    let all =
      ["--homedir", gpg.home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback"] + options
    _ = try gpg.runProgram(GnuPG.program, all + ["-u", user, "-o", "message", "--sign", "payload"])
    return try gpg.read("message")
  }

  @Test func refusesWhatIsNotQuiteASignatureOfTheImage() throws {
    try GnuPG.use { gpg in
      for user in ["Ann", "Ben"] { try gpg.makeKey(user, "rsa3072") }
      let policy = try policy(gpg.run("--export", "Ann"))
      let good = try message(gpg, payload())
      func outcome(_ signatures: [[UInt8]], _ manifest: TestManifest = TestManifest(), at time: Date = now)
        throws -> String?
      {
        let decision = policy.evaluate(
          try manifest.image(reference), SignatureEvidence(simpleSigning: signatures), at: time)
        #expect(decision.isAllowed == decision.reasons.isEmpty)
        return decision.reasons.first
      }
      #expect(try outcome([good]) == nil)
      #expect(try outcome([Array("nonsense".utf8), good]) == nil)

      let attacks: [(String, [UInt8], String)] = [
        (
          "another manifest", try message(gpg, payload(TestManifest("other"))),
          "it is over another manifest, sha256:"
        ),
        (
          "another tag", try message(gpg, payload(TestManifest(), "registry.example/team/app:v2")),
          "not for registry.example/team/app:v1"
        ),
        (
          "another repository", try message(gpg, payload(TestManifest(), "registry.example/team/other:v1")),
          "it is for registry.example/team/other:v1"
        ),
        (
          "another registry", try message(gpg, payload(TestManifest(), "evil.example/team/app:v1")),
          "it is for evil.example/team/app:v1"
        ),
        (
          "no tag", try message(gpg, payload(TestManifest(), "registry.example/team/app")),
          "it is for registry.example/team/app,"
        ),
        (
          "no reference", try message(gpg, payload(TestManifest(), "Registry!")),
          "critical.identity.docker-reference: "
        ),
        ("another key", try message(gpg, payload(), by: "Ben"), "which is not trusted here"),
        ("SHA-1", try message(gpg, payload(), ["--digest-algo", "SHA1"]), "SHA1"),
        ("as text", try message(gpg, payload(), ["--textmode"]), "--textmode"),
        ("cut off", Array(good.dropLast(20)), "cannot be read"),
        ("detached", try gpg.sign(by: "Ann"), "cannot be read"),
        ("not signed", try gpg.run("-o", "-", "--store", "payload"), "there is no signature"),
        ("nothing", [], "there is no signature"),
        ("too much", [UInt8](repeating: 0x99, count: 65 << 10), "more than 65536 bytes"),
        (
          "cosign's",
          try message(gpg, payload().replacing("atomic container", with: "cosign container image")),
          #"critical.type: expected "atomic container signature""#
        ),
        (
          "a part twice", try message(gpg, payload().replacing(#""type":"#, with: #""type":"x","type":"#)),
          #"property "type" twice"#
        ),
        (
          "a further part",
          try message(gpg, payload().replacing(#"{"docker-ref"#, with: #"{"size":1,"docker-ref"#)),
          "critical.identity.size: it is not known here"
        ),
        (
          "a part less",
          try message(gpg, payload().replacing(#","type":"atomic container signature""#, with: "")),
          "critical.type: it is missing"
        ),
        (
          "nothing optional",
          try message(
            gpg, payload().replacing(#"{"creator":"a test","timestamp":1850000000}"#, with: "null")),
          "optional: expected an object"
        ),
        (
          "half a second", try message(gpg, payload().replacing("1850000000", with: "1850000000.5")),
          "optional.timestamp: expected a whole number"
        ),
        (
          "no digest", try message(gpg, payload().replacing("sha256:", with: "sha3:")),
          "critical.image.docker-manifest-digest: "
        ),
        ("something after it", try message(gpg, payload() + "{}"), "something follows its end"),
      ]
      for (name, message, reason) in attacks {
        let said = try outcome([message])
        #expect(said?.contains(reason) == true, "\(name): \(said ?? "good")")
        #expect(try outcome([message, good]) == nil, "\(name), and a good one")
      }
      #expect(try outcome([good], TestManifest("other"))?.contains("it is over another manifest") == true)
      #expect(
        try outcome([])
          == #"it must be signed, and there is no signature (simple signing) (default[0]: signedBy)"#)
      let later = try message(gpg, payload(), ["--faked-system-time", "2100000000"])
      let early = Date(timeIntervalSince1970: 2_000_000_000)
      #expect(try outcome([later], at: early)?.contains("in the future") == true)
      // Whoever may push could add as many as they like.
      let many = [[UInt8]](repeating: [0], count: SignatureEvidence.maximumCount)
      #expect(try outcome(many.dropLast() + [good]) == nil)
      #expect(try outcome(many + [good]) != nil)
    }
  }

  @Test func refusesKeysThatAreNoGoodAnyMore() throws {
    try GnuPG.use { gpg in
      let signed = now - 300 * day
      func sign(_ options: String...) throws -> [UInt8] {
        let clock = ["--faked-system-time", "\(Int(signed.timeIntervalSince1970))!"]
        return try message(gpg, payload(), clock + options)
      }
      func decision(_ signature: [UInt8], at time: Date = now) throws -> PolicyDecision {
        try policy(gpg.run("--export", "Ann"))
          .evaluate(
            try TestManifest().image(reference), SignatureEvidence(simpleSigning: [signature]), at: time)
      }
      let ann = try gpg.makeKey("Ann", expire: "1y", at: now - 350 * day)
      let signature = try sign()
      let early = try decision(signature)
      #expect(early.isAllowed)
      #expect(early.validUntil == now + 15 * day)
      let late = try decision(signature, at: now + 16 * day)
      #expect(!late.isAllowed && late.validUntil == nil)
      #expect(late.reasons.first?.contains("which expired") == true)
      let short = try sign("--default-sig-expire", "2d")
      let brief = try decision(short, at: signed + day)
      #expect(brief.validUntil == signed + 2 * day)
      #expect(try !decision(short).isAllowed)

      let revocation = try gpg.read("openpgp-revocs.d/\(ann.description.uppercased()).rev")
      let text = String(decoding: revocation, as: UTF8.self).replacing(":-----BEGIN", with: "-----BEGIN")
      try gpg.write("revocation", text.utf8)
      try gpg.run("--import", "revocation", at: now)
      #expect(try decision(signature).reasons.first?.contains("which was revoked") == true)
    }
  }

  @Test func readsNoChangedPayloadAsTheSame() throws {
    let original = Array(payload().utf8)
    let value = try SimpleSigningPayload(parsing: original, as: .openPGP)
    #expect(value.creator == "a test" && value.created == Date(timeIntervalSince1970: 1_850_000_000))
    var random = SeededGenerator(seed: 1)
    for _ in 0..<5000 {
      var changed = original
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let position = Int.random(in: changed.indices, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: changed[position] = .random(in: 0...255, using: &random)
        case 1: changed.remove(at: position)
        default: changed.insert(changed[Int.random(in: changed.indices, using: &random)], at: position)
        }
      }
      guard let read = try? SimpleSigningPayload(parsing: changed, as: .openPGP) else { continue }
      // What was read is in the text as it is.
      let text = String(decoding: changed, as: UTF8.self)
      #expect(text.contains("\"\(read.manifestDigest)\""), "\(text)")
      #expect(text.contains(read.reference.repository.description), "\(text)")
      let again = try SimpleSigningPayload(parsing: read.bytes, as: .openPGP)
      #expect(again == read, "\(text)")
    }
  }

  @Test func writesWhatContainersImageWrites() throws {
    let value = SimpleSigningPayload(
      .cosign, manifestDigest: TestManifest().digest, reference: try ImageReference(parsing: "busybox"),
      creator: nil, created: nil)
    let text =
      #"{"critical":{"identity":{"docker-reference":"docker.io/library/busybox"},"image":{"docker-"#
      + #"manifest-digest":"\#(TestManifest().digest)"},"type":"cosign container image signature"},"optional":{}}"#
    #expect(String(decoding: value.bytes, as: UTF8.self) == text)
    let withNull = Array(text.replacing("{}}", with: "null}").utf8)
    #expect(try SimpleSigningPayload(parsing: withNull, as: .cosign) == value)
    #expect(throws: InvalidValue.self) { try SimpleSigningPayload(parsing: value.bytes, as: .openPGP) }
  }
}
