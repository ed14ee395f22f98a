import ContainerImage
import Foundation
import Testing
import Trust

/// What skopeo and Kontor say of the same policy file and the same image.
@Suite struct PolicyAgreementTests {
  private struct Case {
    let name: String
    /// Of the transport `docker`; in it, `REGISTRY` and `DIGEST` are what they say.
    let scopes: String
    let signatures: [String]
    let asked: String
    let isAllowed: Bool

    init(_ name: String, _ scopes: String, _ signatures: [String], _ asked: String, _ isAllowed: Bool) {
      self.name = name
      self.scopes = scopes
      self.signatures = signatures
      self.asked = asked
      self.isAllowed = isAllowed
    }
  }

  /// A requirement, with an `ann` or `ben` that the files of these names hold.
  private static func signedBy(_ key: String, _ identity: String? = nil) -> String {
    let identity = identity.map { #","signedIdentity":{\#($0)}"# } ?? ""
    return #"{"type":"signedBy","keyType":"GPGKeys","keyPath":"HOME/\#(key).gpg"\#(identity)}"#
  }

  private static let anything = #"{"type":"insecureAcceptAnything"}"#
  private static let reject = #"{"type":"reject"}"#

  private static let cases: [Case] = {
    let ann = signedBy("ann")
    let exact = signedBy("ann", #""type":"matchExact""#)
    let repository = signedBy("ann", #""type":"matchRepository""#)
    let reference = signedBy(
      "ann", #""type":"exactReference","dockerReference":"vendor.example/product/app:v1""#)
    let vendor = signedBy("ann", #""type":"exactRepository","dockerRepository":"vendor.example/product/app""#)
    let remap = signedBy(
      "ann", #""type":"remapIdentity","prefix":"REGISTRY/team","signedPrefix":"vendor.example/product""#)
    let partly = signedBy(
      "ann", #""type":"remapIdentity","prefix":"REGISTRY/tea","signedPrefix":"REGISTRY/other""#)
    let both = #"{"type":"signedBy","keyType":"GPGKeys","keyPaths":["HOME/ben.gpg","HOME/ann.gpg"]}"#
    let within = #"{"type":"signedBy","keyType":"GPGKeys","keyData":"ANN"}"#
    return [
      Case("no rule for the transport", "", [], "team/app:v1", false),
      Case("the transport's own default", #""":[\#(anything)]"#, [], "team/app:v1", true),
      Case("signed", #""REGISTRY":[\#(ann)]"#, ["ann v1"], "team/app:v1", true),
      Case("not signed", #""REGISTRY":[\#(ann)]"#, [], "team/app:v1", false),
      Case("by somebody else", #""REGISTRY":[\#(ann)]"#, ["ben v1"], "team/app:v1", false),
      Case("a bad one beside", #""REGISTRY":[\#(ann)]"#, ["junk", "ben v1", "ann v1"], "team/app:v1", true),
      Case("another tag", #""REGISTRY":[\#(ann)]"#, ["ann v2"], "team/app:v1", false),
      Case("by digest", #""REGISTRY":[\#(ann)]"#, ["ann v2"], "team/app@DIGEST", true),
      Case("a digest for a tag", #""REGISTRY":[\#(ann)]"#, ["ann digest"], "team/app:v1", false),
      Case("a digest", #""REGISTRY":[\#(ann)]"#, ["ann digest"], "team/app@DIGEST", true),
      Case("a repository for a tag", #""REGISTRY":[\#(ann)]"#, ["ann repository"], "team/app:v1", false),
      Case(
        "a repository for a digest", #""REGISTRY":[\#(ann)]"#, ["ann repository"], "team/app@DIGEST", false),
      Case("exact", #""REGISTRY":[\#(exact)]"#, ["ann v1"], "team/app:v1", true),
      Case("exact, by digest", #""REGISTRY":[\#(exact)]"#, ["ann v1"], "team/app@DIGEST", false),
      Case("exact digest", #""REGISTRY":[\#(exact)]"#, ["ann digest"], "team/app@DIGEST", true),
      Case("repository", #""REGISTRY":[\#(repository)]"#, ["ann v2"], "team/app:v1", true),
      Case("repository alone", #""REGISTRY":[\#(repository)]"#, ["ann repository"], "team/app:v1", true),
      Case("another repository", #""REGISTRY":[\#(repository)]"#, ["ann vendor"], "team/app:v1", false),
      Case("that reference", #""REGISTRY":[\#(reference)]"#, ["ann vendor"], "team/app:v1", true),
      Case("not that reference", #""REGISTRY":[\#(reference)]"#, ["ann v1"], "team/app:v1", false),
      Case("that repository", #""REGISTRY":[\#(vendor)]"#, ["ann vendor"], "team/app@DIGEST", true),
      Case("remapped", #""REGISTRY":[\#(remap)]"#, ["ann vendor"], "team/app:v1", true),
      Case("remapped, other tag", #""REGISTRY":[\#(remap)]"#, ["ann vendor"], "team/app:v2", false),
      Case("not remapped", #""REGISTRY":[\#(remap)]"#, ["ann v1"], "team/app:v1", false),
      Case("part of a component", #""REGISTRY":[\#(partly)]"#, ["ann v1"], "team/app:v1", true),
      Case("two keyrings", #""REGISTRY":[\#(both)]"#, ["ann v1"], "team/app:v1", true),
      Case("a keyring in the file", #""REGISTRY":[\#(within)]"#, ["ann v1"], "team/app:v1", true),
      Case(
        "both of two", #""REGISTRY":[\#(ann),\#(signedBy("ben"))]"#, ["ann v1", "ben v1"], "team/app:v1", true
      ),
      Case("one of two", #""REGISTRY":[\#(ann),\#(signedBy("ben"))]"#, ["ann v1"], "team/app:v1", false),
      Case("anything, and signed", #""REGISTRY":[\#(anything),\#(ann)]"#, [], "team/app:v1", false),
      Case("signed, and rejected", #""REGISTRY":[\#(ann),\#(reject)]"#, ["ann v1"], "team/app:v1", false),
      Case(
        "the namespace's rule", #""REGISTRY/team":[\#(anything)],"REGISTRY":[\#(reject)]"#, [], "team/app:v1",
        true),
      Case(
        "the repository's rule", #""REGISTRY/team":[\#(anything)],"REGISTRY/team/app":[\#(reject)]"#, [],
        "team/app:v1", false),
      Case(
        "the tag's rule", #""REGISTRY/team/app:v1":[\#(anything)],"REGISTRY/team/app":[\#(reject)]"#, [],
        "team/app:v1", true),
      Case(
        "another tag's rule", #""REGISTRY/team/app:v1":[\#(anything)],"REGISTRY/team/app":[\#(reject)]"#, [],
        "team/app:v2", false),
      Case(
        "the tag's rule, by digest", #""REGISTRY/team/app:v1":[\#(anything)],"REGISTRY":[\#(reject)]"#, [],
        "team/app@DIGEST", false),
      Case(
        "the digest's rule", #""REGISTRY/team/app@DIGEST":[\#(anything)],"REGISTRY":[\#(reject)]"#, [],
        "team/app@DIGEST", true),
      Case("no whole component", #""REGISTRY/tea":[\#(anything)]"#, [], "team/app:v1", false),
      Case("a wildcard", #""*.0.1":[\#(anything)]"#, [], "team/app:v1", true),
      Case(
        "the narrower wildcard", #""*.0.1":[\#(anything)],"*.0.0.1":[\#(reject)]"#, [], "team/app:v1", false),
      Case(
        "a host before a wildcard", #""*.0.0.1":[\#(reject)],"REGISTRY":[\#(anything)]"#, [], "team/app:v1",
        true),
    ]
  }()

  /// In two parts, which run side by side.
  @Test(arguments: [0, 1]) func decidesAsSkopeoDoes(part: Int) throws {
    try Skopeo.use { skopeo in
      var signers: [String: OpenPGPSigner] = [:]
      for user in ["ann", "ben"] {
        try skopeo.gpg.makeKey(user)
        try skopeo.gpg.write("\(user).gpg", skopeo.gpg.run("--export", user))
        signers[user] = try OpenPGPSigner(
          secretKey: SecretBytes(skopeo.gpg.run("--export-secret-keys", user)), passphrase: nil, at: now)
      }
      let manifest = TestManifest()
      let app = try skopeo.reference("team/app")
      for tag in ["v1", "v2"] { try skopeo.push(manifest, as: skopeo.reference("team/app:\(tag)")) }
      let claims = [
        "v1": "\(app):v1", "v2": "\(app):v2", "digest": "\(app)@\(manifest.digest)", "repository": "\(app)",
        "vendor": "vendor.example/product/app:v1",
      ]
      func signature(_ name: String) throws -> [UInt8] {
        let words = name.split(separator: " ").map(String.init)
        guard words.count == 2 else { return [0x99, 1, 2, 3] }
        let claim = try ImageReference(parsing: #require(claims[words[1]]))
        return try SimpleSigning.sign(
          manifest.digest, as: claim, creator: "a test", by: #require(signers[words[0]]), at: Date())
      }
      func filled(_ text: String) throws -> String {
        text.replacing("REGISTRY", with: skopeo.registry).replacing("HOME", with: skopeo.gpg.home)
          .replacing("DIGEST", with: "\(manifest.digest)")
          .replacing("ANN", with: Data(try skopeo.gpg.read("ann.gpg")).base64EncodedString())
      }
      let files = PolicyFiles(
        read: { try [UInt8](Data(contentsOf: URL(filePath: $0))) }, list: { _ in [] })
      for (index, one) in Self.cases.enumerated() where index % 2 == part {
        let text = try filled(#"{"default":[\#(Self.reject)],"transports":{"docker":{\#(one.scopes)}}}"#)
        let signatures = try one.signatures.map(signature)
        try skopeo.setSignatures(signatures, of: manifest, in: app)
        let asked = try skopeo.reference(filled(one.asked))
        let policy = try Policy(parsing: Array(text.utf8), what: "policy.json", files: files, at: now)
        let image = try manifest.image(at: .registry(asked))
        let decision = policy.evaluate(image, SignatureEvidence(simpleSigning: signatures), at: now)
        #expect(decision.isAllowed == one.isAllowed, "\(one.name): \(decision.reasons)")
        #expect(skopeo.accepts("\(asked)", policy: text) == one.isAllowed, "\(one.name), skopeo")
        if !policy.rule(for: image.place).needsSignatures {
          let without = policy.evaluate(image, SignatureEvidence(), at: now)
          #expect(without.isAllowed == one.isAllowed, "\(one.name), without evidence")
        }
      }
    }
  }

  @Test func judgesDirectoriesAsSkopeoDoes() throws {
    try Skopeo.use { skopeo in
      try skopeo.gpg.makeKey("ann")
      try skopeo.gpg.write("ann.gpg", skopeo.gpg.run("--export", "ann"))
      let signer = try OpenPGPSigner(
        secretKey: SecretBytes(skopeo.gpg.run("--export-secret-keys", "ann")), passphrase: nil, at: now)
      let manifest = TestManifest()
      let reference = try ImageReference(parsing: "registry.example/app:v1")
      let signature = try SimpleSigning.sign(
        manifest.digest, as: reference, creator: "a test", by: signer, at: Date())
      let home = URL(filePath: skopeo.gpg.home).resolvingSymlinksInPath().path
      try manifest.write(to: "\(home)/images/app", signatures: [signature])
      let named = Self.signedBy(
        "ann", #""type":"exactReference","dockerReference":"registry.example/app:v1""#)
      let cases = [
        (#""\#(home)/images":[\#(named)]"#, true), (#""\#(home)/images/app":[\#(named)]"#, true),
        (#""\#(home)/images":[\#(Self.signedBy("ann"))]"#, false),
        (#""\#(home)/image":[\#(Self.anything)]"#, false),
        (#""\#(home)/images":[\#(Self.reject)],"\#(home)/images/app":[\#(Self.anything)]"#, true),
        (#""":[\#(Self.anything)]"#, true),
      ]
      for (scopes, isAllowed) in cases {
        // skopeo asks for the destination's rule, too, only when it pulls to one that can run images.
        let text = #"{"default":[\#(Self.reject)],"transports":{"dir":{\#(scopes)}}}"#.replacing(
          "HOME", with: home)
        let files = PolicyFiles(
          read: { try [UInt8](Data(contentsOf: URL(filePath: $0))) }, list: { _ in [] })
        let policy = try Policy(parsing: Array(text.utf8), what: "policy.json", files: files, at: now)
        let decision = policy.evaluate(
          try manifest.image(at: .path("\(home)/images/app", in: "dir")),
          SignatureEvidence(simpleSigning: [signature]), at: now)
        #expect(decision.isAllowed == isAllowed, "\(scopes): \(decision.reasons)")
        #expect(skopeo.accepts("dir:\(home)/images/app", policy: text) == isAllowed, "\(scopes)")
      }
    }
  }

  /// Rules for `registry.example` in a file that allows everything else, and whether skopeo takes the file.
  private static let files: [(rules: String, place: String, isSkopeos: Bool)] = [
    (#"[]"#, "RULE: the list must not be empty", false),
    (#"{}"#, "RULE: expected a list", false),
    (#"[{}]"#, "RULE[0].type: it is missing", false),
    (#"[{"type":"accept"}]"#, #"RULE[0]: there is no type "accept""#, false),
    (#"[{"type":"reject","type":"reject"}]"#, "RULE[0].type: it is there twice", false),
    (#"[{"type":"reject","reason":"x"}]"#, "RULE[0].reason: it is not known here", false),
    (#"[{"type":"signedBy","keyPath":"/a"}]"#, "RULE[0].keyType: it is missing", false),
    (#"[{"type":"signedBy","keyType":"PGP","keyPath":"/a"}]"#, "RULE[0].keyType: only GPGKeys", false),
    (#"[{"type":"signedBy","keyType":"GPGKeys"}]"#, "RULE[0]: keyPath or keyData is missing", false),
    (
      #"[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/a","keyData":"AA=="}]"#,
      "RULE[0]: expected only one of keyPath, keyData", false
    ),
    (#"[{"type":"signedBy","keyType":"GPGKeys","keyData":"?"}]"#, "RULE[0].keyData: it is not base64", false),
    (#"[{"type":"signedBy","keyType":"GPGKeys","keyPath":""}]"#, "RULE[0].keyPath: it is empty", false),
    (#"[IDENTITY"matchAll"}}]"#, #"RULE[0].signedIdentity: there is no type "matchAll""#, false),
    (#"[IDENTITY"matchExact","x":1}}]"#, "RULE[0].signedIdentity.x: it is not known here", false),
    (#"[IDENTITY"exactReference"}}]"#, "RULE[0].signedIdentity.dockerReference: it is missing", false),
    (
      #"[IDENTITY"exactReference","dockerReference":"a.example/b"}}]"#,
      "RULE[0].signedIdentity.dockerReference: it has neither", false
    ),
    (
      #"[IDENTITY"exactRepository","dockerRepository":"A b"}}]"#, "RULE[0].signedIdentity.dockerRepository: ",
      false
    ),
    (
      #"[IDENTITY"remapIdentity","prefix":"a.example/b:c","signedPrefix":"d.example"}}]"#,
      "RULE[0].signedIdentity.prefix: ", false
    ),
    (
      #"[IDENTITY"remapIdentity","prefix":"a.example"}}]"#,
      "RULE[0].signedIdentity.signedPrefix: it is missing", false
    ),
    (#"[{"type":"sigstoreSigned"}]"#, "RULE[0]: ", false),
    // Files that skopeo takes, and that say less than their author may think.
    (
      #"[IDENTITY"exactRepository","dockerRepository":"a.example/b:c"}}]"#,
      "RULE[0].signedIdentity.dockerRepository: it has a tag", true
    ),
    (
      #"[IDENTITY"remapIdentity","prefix":"docker","signedPrefix":"d.example"}}]"#,
      "RULE[0].signedIdentity.prefix: it does not begin with a registry's host", true
    ),
    (
      #"[{"type":"signedBy","keyType":"signedByGPGKeys","keyPath":"/a"}]"#, "RULE[0].keyType: only GPGKeys",
      true
    ),
    (
      #"[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/not/there"}]"#,
      "RULE[0].keyPath: cannot read /not/there", true
    ),
    (
      #"[{"type":"signedBy","keyType":"GPGKeys","keyData":"AA=="}]"#,
      "RULE[0].keyData: these are no OpenPGP public keys", true
    ),
    (
      #"[{"type":"signedBy","keyType":"GPGKeys","keyPaths":[]}]"#,
      "RULE[0].keyPaths: the list must not be empty", true
    ),
    (
      #"[{"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}]"#,
      #"RULE[0]: there is no type "signedBaseLayer""#, true
    ),
  ]

  @Test func refusesTheFilesThatSkopeoRefuses() throws {
    try Skopeo.use { skopeo in
      try TestManifest().write(to: skopeo.gpg.home + "/image")
      for (rules, place, isSkopeos) in Self.files {
        let rules = rules.replacing(
          "IDENTITY",
          with: #"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/a","signedIdentity":{"type":"#)
        let text = #"{"default":[\#(Self.anything)],"transports":{"docker":{"registry.example":\#(rules)}}}"#
        let expected = place.replacing("RULE", with: #"transports.docker["registry.example"]"#)
        expectFailure(of: text, expected)
        #expect(skopeo.accepts("dir:image", policy: text) == isSkopeos, "\(rules)")
      }
    }
  }

  /// - Parameter expected: how the reason begins.
  private func expectFailure(
    of text: String, _ expected: String, at location: SourceLocation = #_sourceLocation
  ) {
    do {
      _ = try Policy(text, ["/a": annsKey])
      Issue.record("\(text) is taken", sourceLocation: location)
    } catch {
      let said = "\(error)"
      #expect(said.hasPrefix("the policy policy.json cannot be used: " + expected), sourceLocation: location)
    }
  }

  private let annsKey: [UInt8] =
    (try? GnuPG.use { gpg in
      try gpg.makeKey("ann")
      return try gpg.run("--export", "ann")
    }) ?? []

  @Test func refusesOtherFiles() throws {
    let any = #"[{"type":"insecureAcceptAnything"}]"#
    let cases = [
      ("", "it is not valid JSON: a value is missing, at byte 0"), ("[]", "expected an object"),
      ("{}", "default: it is missing"), (#"{"default":\#(any),"x":1}"#, "x: it is not known here"),
      (#"{"default":\#(any),"default":\#(any)}"#, "default: it is there twice"),
      (
        #"{"default":\#(any),"transports":{"docker":{},"docker":{}}}"#, "transports.docker: it is there twice"
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"a.example":\#(any),"a.example":\#(any)}}}"#,
        #"transports.docker["a.example"]: it is there twice"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"busybox":\#(any)}}}"#,
        "transports.docker.busybox: the scope does not begin with a registry's host"
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"library/busybox":\#(any)}}}"#,
        #"transports.docker["library/busybox"]: the scope does not begin"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"index.docker.io/library":\#(any)}}}"#,
        #"transports.docker["index.docker.io/library"]: the scope names Docker Hub"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"a.example/":\#(any)}}}"#,
        #"transports.docker["a.example/"]: the scope names no image"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"A.example":\#(any)}}}"#,
        #"transports.docker["A.example"]: the scope names a host in capitals"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"https://a.example":\#(any)}}}"#,
        #"transports.docker["https://a.example"]: the scope does not begin"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"a*.*.example":\#(any)}}}"#,
        #"transports.docker["a*.*.example"]: the scope does not begin"#
      ),
      (
        #"{"default":\#(any),"transports":{"docker":{"*.a.example:5000":\#(any)}}}"#,
        #"transports.docker["*.a.example:5000"]: the scope has a wildcard"#
      ),
      (
        #"{"default":\#(any),"transports":{"oci":{"relative":\#(any)}}}"#,
        "transports.oci.relative: the scope is not an absolute path"
      ),
      (
        #"{"default":\#(any),"transports":{"dir":{"/a/../b":\#(any)}}}"#,
        #"transports.dir["/a/../b"]: the scope is not an absolute path"#
      ),
      (#"{"default":\#(any),"transports":{"dir":{"/":\#(any)}}}"#, #"transports.dir["/"]: the scope is not"#),
      (
        #"{"default":\#(any),"transports":{"docker-archive":{"/a":\#(any)}}}"#,
        #"transports.docker-archive["/a"]: the scope must be """#
      ),
      (
        #"{"default":[{"type":"anyOf","requirements":[]}]}"#,
        "default[0].requirements: the list must not be empty"
      ),
      (
        #"{"default":[{"type":"anyOf","requirements":[{"type":"allOf"}]}]}"#,
        "default[0].requirements[0].requirements: it is missing"
      ),
      (#"{"default":\#(any),"kontor":{}}"#, "kontor: it is empty"),
      (
        #"{"default":\#(any),"kontor":{"enforcement":{"team":{}}}}"#,
        "kontor.enforcement.team: the scope does not begin"
      ),
      (
        #"{"default":\#(any),"kontor":{"enforcement":{"a.example/b:c":{}}}}"#,
        #"kontor.enforcement["a.example/b:c"]: the scope names one image"#
      ),
      (
        #"{"default":\#(any),"kontor":{"enforcement":{"":{"push":"warn"}}}}"#,
        #"kontor.enforcement[""].push: expected hold, refuse, allow"#
      ),
      (
        #"{"default":\#(any),"kontor":{"enforcement":{"":{"delete":"off"}}}}"#,
        #"kontor.enforcement[""].delete: it is not known here"#
      ),
    ]
    for (text, expected) in cases { expectFailure(of: text, expected) }
  }
}
