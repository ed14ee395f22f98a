import Foundation
import Testing

@testable import RegistryClient

/// `registries.conf` means what containers-registries.conf(5) says.
@Suite struct SettingsRegistriesTests {
  private func places(
    _ configuration: String, _ name: String, push: Bool = false
  ) throws -> [String]? {
    try withMachine { machine in
      try machine.write("root/etc/containers/registries.conf", configuration)
      let reference = try reference(name)
      return try RegistriesConfiguration(machine.environment)
        .places(for: reference, push ? .push : .pull(reference))?
        .map { "\($0.reference)" + ($0.isInsecure ? " insecure" : "") + ($0.isMirror ? " mirror" : "") }
    }
  }

  /// The manual's example.
  private let example = """
    unqualified-search-registries = ["example.com"]

    [[registry]]
    prefix = "example.com/foo"
    insecure = false
    blocked = false
    location = "internal-registry-for-example.com/bar"

    [[registry.mirror]]
    location = "example-mirror-0.local/mirror-for-foo"

    [[registry.mirror]]
    location = "example-mirror-1.local/mirrors/foo"
    insecure = true

    [[registry]]
    location = "registry.com"

    [[registry.mirror]]
    location = "mirror.registry.com"
    """

  @Test func mirrorsAreTriedInTheirOrderAndTheLocationLast() throws {
    #expect(
      try places(example, "example.com/foo/image:latest") == [
        "example-mirror-0.local/mirror-for-foo/image:latest mirror",
        "example-mirror-1.local/mirrors/foo/image:latest insecure mirror",
        "internal-registry-for-example.com/bar/image:latest",
      ])
    #expect(
      try places(example, "registry.com/image") == [
        "mirror.registry.com/image:latest mirror", "registry.com/image:latest",
      ])
  }

  @Test(arguments: [
    "example.com/foobar", "example.com/other", "registry.com:5000/image", "docker.io/library/x",
  ])
  func aPrefixEndsAtAComponentsEnd(_ name: String) throws {
    #expect(try places(example, name) == nil)
  }

  @Test func aPushGoesToTheNameAsItIs() throws {
    #expect(try places(example, "example.com/foo/image:1", push: true) == ["example.com/foo/image:1"])
    let insecure = "[[registry]]\nlocation = \"a.example\"\ninsecure = true"
    #expect(try places(insecure, "a.example/x:1", push: true) == ["a.example/x:1 insecure"])
  }

  @Test func theLongestPrefixCounts() throws {
    let text = ["a.example", "a.example/team", "a.example/team/app:1", "*.example"].enumerated()
      .map { "[[registry]]\nprefix = \"\($1)\"\nlocation = \"r\($0).test/x\"\n" }.joined()
    #expect(try places(text, "a.example/app:1") == ["r0.test/x/app:1"])
    #expect(try places(text, "b.example/app:1") == ["r3.test/x/app:1"])
    #expect(try places(text, "a.example/team/other:1") == ["r1.test/x/other:1"])
    #expect(try places(text, "a.example/team/app:12") == ["r1.test/x/app:12"])
    #expect(
      try places(text.replacing("r2.test/x", with: "r2.test/x:2"), "a.example/team/app:1") == ["r2.test/x:2"])
    #expect(
      message { try places(text, "a.example/team/app:1") }?.contains("so the location needs one") == true)
  }

  @Test func aWildcardMatchesAnyNumberOfSubdomains() throws {
    let text = """
      [[registry]]
      prefix = "*.example.com"
      insecure = true
      [[registry.mirror]]
      location = "mirror.test/all"
      """
    for name in ["x.example.com/foo:1", "y.x.example.com/foo:1"] {
      #expect(try places(text, name) == ["mirror.test/all/foo:1 mirror", name + " insecure"])
    }
    #expect(
      try places(text, "x.example.com:5000/foo:1") == [
        "mirror.test/all/foo:1 mirror", "x.example.com:5000/foo:1 insecure",
      ])
    #expect(try places(text, "example.com/foo") == nil)
    #expect(try places(text, "x.example.com.evil.test/foo") == nil)
    #expect(try places(text, "evil.test/x.example.com/foo") == nil)
  }

  @Test func aMirrorMayBeForTagsOrForDigestsOnly() throws {
    let text = """
      [[registry]]
      location = "a.example"
      [[registry.mirror]]
      location = "tags.test"
      pull-from-mirror = "tag-only"
      [[registry.mirror]]
      location = "digests.test"
      pull-from-mirror = "digest-only"
      [[registry.mirror]]
      location = "all.test"
      pull-from-mirror = "all"
      """
    let digest = "@sha256:" + String(repeating: "a", count: 64)
    #expect(
      try places(text, "a.example/x:1") == ["tags.test/x:1 mirror", "all.test/x:1 mirror", "a.example/x:1"])
    #expect(
      try places(text, "a.example/x" + digest)
        == ["digests.test/x\(digest) mirror", "all.test/x\(digest) mirror", "a.example/x\(digest)"])
    let byDigest =
      "[[registry]]\nlocation = \"a.example\"\nmirror-by-digest-only = true\n"
      + "[[registry.mirror]]\nlocation = \"m.test\""
    #expect(try places(byDigest, "a.example/x:1") == ["a.example/x:1"])
    #expect(try places(byDigest, "a.example/x" + digest)?.first == "m.test/x\(digest) mirror")
  }

  @Test func aBlockedImageIsRefusedAlsoForAPush() throws {
    let text = "[[registry]]\nprefix = \"a.example/bad\"\nlocation = \"a.example/bad\"\nblocked = true"
    for push in [false, true] {
      #expect(throws: SettingsError.blocked(image: "a.example/bad/x:1", prefix: "a.example/bad")) {
        try places(text, "a.example/bad/x:1", push: push)
      }
    }
    #expect(try places(text, "a.example/good:1") == nil)
  }

  @Test func aMirrorsOwnTableCountsForItToo() throws {
    let text = """
      [[registry]]
      location = "a.example"
      [[registry.mirror]]
      location = "m.test"
      [[registry.mirror]]
      location = "bad.test"
      [[registry]]
      location = "m.test"
      insecure = true
      [[registry]]
      location = "bad.test"
      blocked = true
      """
    #expect(try places(text, "a.example/x:1") == ["m.test/x:1 insecure mirror", "a.example/x:1"])
  }

  @Test func officialImagesAreInLibrary() throws {
    let text = "[[registry]]\nprefix = \"docker.io\"\nlocation = \"mirror:5000/hub\""
    #expect(try places(text, "busybox") == ["mirror:5000/hub/library/busybox:latest"])
    #expect(
      try places(text.replacing("mirror:5000", with: "plainhost"), "me/app:1") == ["plainhost/hub/me/app:1"])
  }

  @Test func dropInsReplaceTablesOfTheSamePrefixInOrder() throws {
    try withMachine { machine in
      func table(_ prefix: String, _ location: String) -> String {
        "[[registry]]\nprefix = \"\(prefix)\"\nlocation = \"\(location)\"\n"
      }
      let main = "root/etc/containers/registries.conf"
      try machine.write(
        main,
        "unqualified-search-registries = [\"x\"]\n\(table("a.example", "main.test"))\(table("b.example", "main.test"))"
          + "[aliases]\n\"one\" = \"a.example/one\"\n\"two\" = \"a.example/two\"\n")
      try machine.write(main + ".d/20.conf", table("a.example", "second.test"))
      try machine.write(main + ".d/10.conf", table("a.example", "first.test") + "[aliases]\ntwo = \"\"\n")
      try machine.write(main + ".d/30.toml", table("a.example", "no.test"))
      func location(_ registry: String) throws -> String? {
        try RegistriesConfiguration(machine.environment).places(for: reference(registry + "/x"), .pullByTag)?
          .first?.reference.registry
      }
      #expect(try location("a.example") == "second.test")
      #expect(try location("b.example") == "main.test")
      let configuration = try RegistriesConfiguration(machine.environment)
      #expect(configuration.searchRegistries == ["x"])
      #expect(configuration.aliases == ["one": "a.example/one"])

      try machine.write("home/.config/containers/registries.conf.d/00.conf", table("a.example", "user.test"))
      #expect(try location("a.example") == "user.test")
      // With a main file of the user, nothing of the machine counts.
      try machine.write("home/.config/containers/registries.conf", table("c.example", "own.test"))
      #expect(try location("a.example") == "user.test")
      #expect(try location("b.example") == nil)
      #expect(try location("c.example") == "own.test")

      machine.variables["CONTAINERS_REGISTRIES_CONF"] = try machine.write(
        "named.conf", table("d.example", "named.test"))
      #expect(
        try RegistriesConfiguration(machine.environment).registries.map(\.prefix).sorted() == [
          "a.example", "d.example",
        ])
      machine.variables["CONTAINERS_REGISTRIES_CONF"] = "/nowhere"
      #expect(throws: SettingsError.self) { try RegistriesConfiguration(machine.environment) }
    }
  }

  @Test func theOldFormatIsReadToo() throws {
    let text = """
      [registries.search]
      registries = ['s.example']
      [registries.insecure]
      registries = ['i.example']
      [registries.block]
      registries = ['b.example']
      """
    #expect(try places(text, "i.example/x:1") == ["i.example/x:1 insecure"])
    #expect(throws: SettingsError.blocked(image: "b.example/x:1", prefix: "b.example")) {
      try places(text, "b.example/x:1")
    }
  }

  @Test(arguments: [
    ("[[registry]]\ninsecure = true", "registry[1].location is missing: a registry needs location or prefix"),
    ("[[registry]]\nlocation = \"a\"\nblocked = \"yes\"", "registry[1].blocked has to be true or false"),
    ("[[registry]]\nlocation = 5", "registry[1].location has to be a text"),
    (
      "[[registry]]\nlocation = \"https://a\"",
      "registry[1].location has to be a registry, and perhaps a repository's beginning, without https://"
    ),
    (
      "[[registry]]\nprefix = \"*.a/b\"",
      "registry[1].prefix may have a * only at its beginning and before a domain alone: *.example.com"
    ),
    ("[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n", "registry[1].mirror[1].location is missing"),
    (
      "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\nlocation = \"b\"\npull-from-mirror = \"x\"",
      "registry[1].mirror[1].pull-from-mirror has to be \"all\", \"digest-only\" or \"tag-only\""
    ),
    (
      "[[registry]]\nlocation = \"a\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"b\"\n"
        + "pull-from-mirror = \"all\"",
      "registry[1].mirror[1].pull-from-mirror may not be there together with mirror-by-digest-only"
    ),
    ("unqualified-search-registries = \"a\"", "unqualified-search-registries has to be a list of texts"),
    ("registry = 1", "registry has to be a list of tables"),
  ]) func aMistakeIsNamedWithItsPlace(_ text: String, _ reason: String) throws {
    #expect(
      message { try places(text, "a/b") }?.hasSuffix("/etc/containers/registries.conf: " + reason) == true)
  }

  @Test func whatIsNoTOMLIsRefusedWithItsLine() throws {
    let error = try #require(message { try places("# fine\n[[registry]\n", "a/b") })
    #expect(error.contains("registries.conf: it is not valid TOML: ") && error.contains("line 2"))
  }

  @Test func aLocationThatMakesNoNameIsAnError() throws {
    let text = "[[registry]]\nprefix = \"a.example/x\"\nlocation = \"b.example\""
    #expect(message { try places(text, "a.example/x:1") }?.contains("\"b.example\" makes no name of") == true)
  }
}
