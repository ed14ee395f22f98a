import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct PolicyTests {
  private static let anything = #"{"type":"insecureAcceptAnything"}"#
  private static let reject = #"{"type":"reject"}"#
  private static func any(_ parts: String...) -> String {
    #"{"type":"anyOf","requirements":[\#(parts.joined(separator: ","))]}"#
  }
  private static func all(_ parts: String...) -> String {
    #"{"type":"allOf","requirements":[\#(parts.joined(separator: ","))]}"#
  }
  private static func signedBy(_ key: String) -> String {
    #"{"type":"signedBy","keyType":"GPGKeys","keyPath":"\#(key)"}"#
  }

  private static func newKey() throws -> [UInt8] {
    try GnuPG.use { gpg in
      try gpg.makeKey("ann")
      return try gpg.run("--export", "ann")
    }
  }

  @Test func knowsTheScopesAroundAScope() throws {
    let digest = "sha256:" + String(repeating: "a", count: 64)
    let app = [
      "registry.example:5000/team/app", "registry.example:5000/team", "registry.example:5000", "*.example",
    ]
    for (scope, transport, scopes) in [
      ("\(app[0]):v1", "docker", ["\(app[0]):v1"] + app), (app[0], "docker", app),
      ("\(app[0])@\(digest)", "docker-daemon", ["\(app[0])@\(digest)"] + app),
      (app[2], "docker", [app[2], app[3]]), ("*.b.example", "docker", ["*.b.example", "*.example"]),
      ("[::1]:5000/app", "docker", ["[::1]:5000/app", "[::1]:5000"]),
      ("/srv/images:app", "oci", ["/srv/images:app", "/srv/images", "/srv"]),
      ("/srv/images", "dir", ["/srv/images", "/srv"]), ("", "oci", []), ("a b", "someday", ["a b"]),
    ] {
      #expect(try PolicyPlace.scope(scope, in: transport).scopes == scopes, "\(scope)")
    }
    for (scope, transport) in [("busybox", "docker"), ("relative", "oci"), ("a", "docker-archive")] {
      #expect(throws: InvalidValue.self) { try PolicyPlace.scope(scope, in: transport) }
    }
  }

  @Test func combinesRequirements() throws {
    try GnuPG.use { gpg in
      let time = Date()
      let ends = ["ann": time + 40 * day, "ben": time + 20 * day]
      var keys: [String: [UInt8]] = [:]
      var signatures: [String: [UInt8]] = [:]
      let manifest = TestManifest()
      let name = try ImageReference(parsing: "registry.example/app:v1")
      for (user, days) in [("ann", 40.0), ("ben", 20), ("eve", 0)] {
        try gpg.makeKey(user, expire: days == 0 ? "never" : "\(Int(days))d")
        keys[user] = try gpg.run("--export", user)
        let signer = try OpenPGPSigner(
          secretKey: SecretBytes(gpg.run("--export-secret-keys", user)), passphrase: nil, at: Date())
        signatures[user] = try SimpleSigning.sign(
          manifest.digest, as: name, creator: "a test", by: signer, at: Date())
      }
      let (ann, ben, eve) = (Self.signedBy("ann"), Self.signedBy("ben"), Self.signedBy("eve"))
      // What is wanted, who signed, whether that is enough, and whose key says until when.
      let cases: [(String, [String], Bool, String?)] = [
        (Self.any(ann, ben), ["ann"], true, "ann"), (Self.any(ann, ben), ["ben"], true, "ben"),
        (Self.any(ann, ben), ["ann", "ben"], true, "ann"), (Self.any(ann, ben), ["eve"], false, nil),
        (Self.any(ann, ben), [], false, nil), (Self.any(ann, eve), ["ann", "eve"], true, nil),
        (Self.all(ann, ben), ["ann", "ben"], true, "ben"), (Self.all(ann, ben), ["ann"], false, nil),
        (Self.any(Self.all(ann, ben), eve), ["ann"], false, nil),
        (Self.any(Self.all(ann, ben), eve), ["ann", "ben"], true, "ben"),
        (Self.any(Self.reject, ann), ["ann"], true, "ann"), (Self.any(Self.reject, ann), [], false, nil),
        (Self.all(Self.anything, ann), ["ann"], true, "ann"), (Self.all(Self.anything, ann), [], false, nil),
        ("\(ann),\(ben)", ["ann", "ben", "eve"], true, "ben"), (eve, ["eve"], true, nil),
      ]
      for (rule, signers, isAllowed, end) in cases {
        let policy = try Policy(#"{"default":[\#(rule)]}"#, keys)
        let evidence = SignatureEvidence(simpleSigning: try signers.map { try #require(signatures[$0]) })
        let decision = policy.evaluate(try manifest.image("\(name)"), evidence, at: Date())
        #expect(decision.isAllowed == isAllowed, "\(rule) by \(signers)")
        #expect(decision.reasons.isEmpty == isAllowed, "\(rule) by \(signers)")
        #expect(decision.rule.needsSignatures && decision.rule.formats == [.simpleSigning], "\(rule)")
        let expected = end.flatMap { ends[$0] }
        let isClose =
          switch (decision.validUntil, expected) {
          case (nil, nil): true
          case (let found?, let expected?): abs(found.timeIntervalSince(expected)) < 600
          default: false
          }
        #expect(isClose, "\(rule) by \(signers): \(String(describing: decision.validUntil))")
      }
    }
  }

  @Test func saysWhatNeedsNoSignatures() throws {
    let key = ["key": try Self.newKey()]
    let ann = Self.signedBy("key")
    let cases: [(String, Bool?)] = [
      (Self.anything, true), (Self.reject, false), (Self.any(Self.anything, ann), true),
      (Self.any(Self.reject, Self.reject), false), (Self.all(ann, Self.reject), false),
      (Self.all(Self.anything, Self.any(Self.all(Self.anything), Self.reject)), true),
      ("\(ann),\(Self.reject)", false), (ann, nil), (Self.any(ann, Self.reject), nil),
    ]
    for (rule, outcome) in cases {
      let policy = try Policy(#"{"default":[\#(rule)]}"#, key)
      let decision = policy.evaluate(try TestManifest().image("a.example/b"), SignatureEvidence(), at: now)
      #expect(decision.rule.needsSignatures == (outcome == nil), "\(rule)")
      #expect(decision.isAllowed == (outcome ?? false), "\(rule)")
      #expect(decision.validUntil == nil)
    }
  }

  /// Each reference with the rules' scopes that it is in, the narrowest first.
  @Test func findsTheNarrowestScope() throws {
    let digest = TestManifest().digest
    let cases: [(PolicyPlace, [String])] = [
      (
        .registry(try ImageReference(parsing: "busybox")),
        [
          "docker.io/library/busybox:latest", "docker.io/library/busybox", "docker.io/library", "docker.io",
          "*.io", "",
        ]
      ),
      (
        .registry(try ImageReference(parsing: "Registry.Example.COM:5000/team/app:v1@\(digest)")),
        [
          "registry.example.com:5000/team/app@\(digest)", "registry.example.com:5000/team/app:v1",
          "registry.example.com:5000/team/app", "registry.example.com:5000/team", "registry.example.com:5000",
          "*.example.com", "*.com", "",
        ]
      ),
      (
        .registry(try ImageReference(parsing: "[::1]:5000/app:v1")),
        ["[::1]:5000/app:v1", "[::1]:5000/app", "[::1]:5000", ""]
      ),
      (
        .registry(try ImageReference(parsing: "localhost/app:v1")),
        ["localhost/app:v1", "localhost/app", "localhost", ""]
      ),
      (
        .named(try ImageReference(parsing: "a.example/b:c"), in: "docker-daemon"),
        ["a.example/b:c", "a.example/b", "a.example", "*.example", ""]
      ),
      (.path("/var/lib/images", in: "oci"), ["/var/lib/images", "/var/lib", "/var", ""]),
      (.unnamed(in: "docker-archive"), [""]), (.unnamed(in: "unheard-of"), [""]),
    ]
    for (place, scopes) in cases {
      for (index, scope) in scopes.enumerated() {
        let rules = scopes[index...].map { #""\#($0)":[\#($0 == scope ? Self.reject : Self.anything)]"# }
        let text =
          #"{"default":[\#(Self.anything)],"transports":{"\#(place.transport)":{\#(rules.joined(separator: ","))},"#
          + #""other":{"":[\#(Self.anything)]}}}"#
        let rule = try Policy(text).rule(for: place)
        #expect(rule.requirements.first?.type == "reject", "\(scope) for \(place)")
        #expect(rule.place.hasPrefix("transports.\(place.transport)"), "\(rule.place)")
      }
      let other = #"{"default":[\#(Self.reject)],"transports":{"\#(place.transport)":{}}}"#
      #expect(try Policy(other).rule(for: place).place == "default")
    }
  }

  @Test func takesWhatContainersImageDocuments() throws {
    let files = try GnuPG.use { gpg in
      try gpg.makeKey("ann")
      let key = try gpg.run("--export", "ann")
      return [
        "/path/to/official-pubkey.gpg": key, "/path/to/vendor-pubkey.gpg": key,
        "/path/to/reviewer-pubkey.gpg": key,
      ]
    }
    // containers-policy.json(5), "A reasonably locked-down system", without comments and what is sigstore's.
    let policy = try Policy(
      """
      {
          "default": [{"type": "reject"}],
          "transports": {
              "docker": {
                  "docker.io/openshift": [{"type": "insecureAcceptAnything"}],
                  "docker.io/library/busybox": [{"type": "insecureAcceptAnything"}],
                  "*.temporary-project.example.com": [{"type": "insecureAcceptAnything"}]
              },
              "dir": {
                  "": [{"type": "insecureAcceptAnything"}]
              },
              "atomic": {
                  "hostname:5000/myns/official": [
                      {
                          "type": "signedBy",
                          "keyType": "GPGKeys",
                          "keyPath": "/path/to/official-pubkey.gpg"
                      }
                  ],
                  "hostname:5000/vendor/product": [
                      {
                          "type": "signedBy",
                          "keyType": "GPGKeys",
                          "keyPath": "/path/to/vendor-pubkey.gpg",
                          "signedIdentity": {
                              "type": "exactRepository",
                              "dockerRepository": "vendor-hostname/product/repository"
                          }
                      },
                      {
                          "type": "signedBy",
                          "keyType": "GPGKeys",
                          "keyPath": "/path/to/reviewer-pubkey.gpg"
                      }
                  ],
                  "private-mirror:5000/vendor-mirror": [
                      {
                          "type": "signedBy",
                          "keyType": "GPGKeys",
                          "keyPath": "/path/to/vendor-pubkey.gpg",
                          "signedIdentity": {
                              "type": "remapIdentity",
                              "prefix": "private-mirror:5000/vendor-mirror",
                              "signedPrefix": "vendor.example.com"
                          }
                      }
                  ]
              }
          }
      }
      """, files)
    let cases = [
      ("docker.io/openshift/hello-openshift", true), ("busybox:1.36", true),
      ("docker.io/library/alpine", false),
      ("a.temporary-project.example.com:8443/b", true), ("temporary-project.example.com/b", false),
    ]
    for (reference, isAllowed) in cases {
      let decision = policy.evaluate(try TestManifest().image(reference), SignatureEvidence(), at: now)
      #expect(decision.isAllowed == isAllowed, "\(reference)")
    }
    let vendor = policy.rule(
      for: .named(try ImageReference(parsing: "hostname:5000/vendor/product:v1"), in: "atomic"))
    #expect(vendor.requirements.map(\.type) == ["signedBy", "signedBy"])
    #expect(vendor.place == #"transports.atomic["hostname:5000/vendor/product"]"#)
  }

  @Test func acceptsTheTagOfAnImageAskedForByBoth() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("ann")
      let policy = try Policy(#"{"default":[\#(Self.signedBy("key"))]}"#, ["key": gpg.run("--export", "ann")])
      let signer = try OpenPGPSigner(
        secretKey: SecretBytes(gpg.run("--export-secret-keys", "ann")), passphrase: nil, at: now)
      let manifest = TestManifest()
      let digest = Digest(.sha512, hashing: manifest.manifest)
      func isAllowed(_ claim: String, _ asked: String, over digest: Digest = manifest.digest) throws -> Bool {
        let signature = try SimpleSigning.sign(
          digest, as: ImageReference(parsing: claim), creator: "a test", by: signer, at: Date())
        return policy.evaluate(
          try manifest.image(asked), SignatureEvidence(simpleSigning: [signature]), at: now
        ).isAllowed
      }
      let both = "a.example/b:c@\(manifest.digest)"
      #expect(try isAllowed("a.example/b:c", both))
      #expect(try isAllowed(both, both))
      #expect(try !isAllowed("a.example/b:d", both))
      #expect(try !isAllowed("a.example/b@\(manifest.digest)", both))
      #expect(try !isAllowed("a.example/b:c@\(digest)", both))
      #expect(try isAllowed("a.example/b:c", "A.Example/b:c"))
      // Whichever digest names the manifest.
      #expect(try isAllowed("a.example/b:c", "a.example/b@\(digest)"))
      #expect(try isAllowed("a.example/b:c", "a.example/b:c", over: digest))
      let other = TestManifest("other").digest
      #expect(throws: InvalidValue.self) { try manifest.image("a.example/b@\(other)") }
    }
  }

  @Test func hasAnotherRevisionForOtherContent() throws {
    let keys = try GnuPG.use { gpg in
      for user in ["ann", "ben"] { try gpg.makeKey(user) }
      return try ["ann", "ben"].map { try gpg.run("--export", $0) }
    }
    let text = #"{"default":[\#(Self.signedBy("key"))]}"#
    let first = try Policy(text, ["key": keys[0]]).revision
    #expect(try Policy(text, ["key": keys[0]]).revision == first)
    #expect(try Policy(text, ["key": keys[1]]).revision != first)
    #expect(try Policy(text, ["key": keys[0] + keys[1]]).revision != first)
    #expect(try Policy(text.replacing("[", with: "[\(Self.anything),"), ["key": keys[0]]).revision != first)
  }

  @Test func saysWhatTheServerDoes() throws {
    let policy = try Policy(
      """
      {"default": [{"type": "reject"}], "kontor": {"enforcement": {
        "": {"appc": "off"},
        "*.example": {"mirror": "off"},
        "registry.example/team": {"push": "refuse", "pull": "warn", "mirror": "warn", "appc": "warn"},
        "registry.example/team/app": {"push": "allow"}
      }}}
      """)
    func enforcement(_ repository: String) throws -> PolicyEnforcement {
      policy.enforcement(for: try ImageReference(parsing: repository))
    }
    var expected = PolicyEnforcement()
    #expect(
      expected.push == .hold && expected.pull == .enforce && expected.mirror == .enforce
        && expected.appc == .enforce)
    expected.push = .allow
    #expect(try enforcement("registry.example/team/app:v1") == expected)
    (expected.push, expected.pull, expected.mirror, expected.appc) = (.refuse, .warn, .warn, .warn)
    #expect(try enforcement("registry.example/team/other") == expected)
    expected = PolicyEnforcement()
    expected.mirror = .off
    #expect(try enforcement("registry.example/teams") == expected)
    expected = PolicyEnforcement()
    expected.appc = .off
    #expect(try enforcement("elsewhere.test/app") == expected)
    #expect(
      try Policy(#"{"default":[\#(Self.reject)]}"#).enforcement(for: ImageReference(parsing: "a.example/b"))
        == PolicyEnforcement())
  }

  @Test func survivesDamagedFiles() throws {
    let key = try Self.newKey()
    let text =
      #"{"default":[\#(Self.any(Self.signedBy("key"), Self.reject))],"transports":{"docker":{"a.example":["#
      + #"{"type":"signedBy","keyType":"GPGKeys","keyPath":"key","signedIdentity":{"type":"exactReference","#
      + #""dockerReference":"a.example/b:c"}}]}},"kontor":{"enforcement":{"":{"pull":"warn"}}}}"#
    let original = Array(text.utf8)
    let image = try TestManifest().image("a.example/b:c")
    var random = SeededGenerator(seed: 2)
    for _ in 0..<2000 {
      var changed = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let position = Int.random(in: changed.indices, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: changed[position] = .random(in: 0...255, using: &random)
        case 1: changed.remove(at: position)
        default: changed.insert(changed[Int.random(in: changed.indices, using: &random)], at: position)
        }
      }
      guard
        let policy = try? Policy(
          parsing: changed, what: "policy.json", files: policyFiles(["key": key]), at: now)
      else { continue }
      // Nothing that is left of it accepts everything.
      let decision = policy.evaluate(image, SignatureEvidence(), at: now)
      #expect(!decision.isAllowed, "\(String(decoding: changed, as: UTF8.self))")
    }
  }
}
