import Testing

@testable import AppContainer

/// The cases of the specification's own schema tests (appc/spec 0.8.11, schema/types).
@Suite struct TextTypeTests {
  @Test(arguments: [
    "asdf", "foo-bar-baz", "zab_rab_oof", "database", "my~database", "example.com/database",
    "example.com/~bob/database", "example.com/ourapp-1.0.0",
    "sub-domain.example.com/org/product/release-1.0.0",
    "sub-domain.example.com/org/product/~alice/release-1.0.0", "0",
  ])
  func anIdentifierIsTaken(_ text: String) throws {
    #expect(try ACIdentifier(parsing: text).description == text)
    #expect(ACIdentifier(sanitizing: text)?.description == text)
  }

  @Test(arguments: [
    "", "BAR", "foo#", "EXAMPLE.com", "foo.com/BAR", "/app", "app/", "-app", "app-", ".app", "app.", "_app",
    "app_",
    "~app", "app~", "a b", "ä", "a:b",
  ])
  func noIdentifierIsRefused(_ text: String) {
    #expect(throws: AppContainerError.self) { try ACIdentifier(parsing: text) }
  }

  @Test(arguments: [
    ("foo#", "foo"), ("FOO", "foo"), ("EXAMPLE.com", "example.com"), ("foo.com/BAR", "foo.com/bar"),
    ("/app", "app"),
    ("app/", "app"), ("app///", "app"), ("-/.app..", "app"), ("-/app.name-test/-/", "app.name-test"),
    ("localhost:5000/a", "localhost_5000/a"), ("a b", "a_b"),
  ])
  func anIdentifierIsMadeOfAText(_ text: String, _ expected: String) {
    #expect(ACIdentifier(sanitizing: text)?.description == expected)
  }

  @Test func nothingIsMadeOfATextWithoutLettersAndDigits() {
    for text in ["", "///", "-._~"] {
      #expect(ACIdentifier(sanitizing: text) == nil)
      #expect(ACName(sanitizing: text) == nil)
    }
  }

  @Test(arguments: ["asdf", "foo-bar-baz", "database", "80-tcp"])
  func aNameIsTaken(_ text: String) throws {
    #expect(try ACName(parsing: text).description == text)
  }

  @Test(arguments: [
    "", "foo#", "example.com", "EXAMPLE.com", "example/database", "foo.com/BAR", "example.com/app_1", "/app",
    "app/",
    "-app", "app-", ".app", "app.",
  ])
  func noNameIsRefused(_ text: String) {
    #expect(throws: AppContainerError.self) { try ACName(parsing: text) }
  }

  @Test(arguments: [
    ("foo#", "foo"), ("EXAMPLE.com", "example-com"), ("foo.com/BAR", "foo-com-bar"),
    ("example.com/app_1", "example-com-app-1"), ("app///", "app"), ("-/.app..", "app"),
    ("-/app.name-test/-/", "app-name-test"), ("volume/var/lib/data", "volume-var-lib-data"),
  ])
  func aNameIsMadeOfAText(_ text: String, _ expected: String) {
    #expect(ACName(sanitizing: text)?.description == expected)
  }

  @Test(arguments: ["1.0.0", "3.2.1", "3.2.1-foo", "1.2.3-alpha+git", "0.8.11", "1.0.0+a.b-c"])
  func aVersionIsTaken(_ text: String) throws {
    #expect(try ACVersion(parsing: text).description == text)
  }

  @Test(arguments: [
    "", "1", "1.2", "1.2.3.4", "v1.2.3", "0.0.0", "1.02.3", "1.2.3-", "1.2.3+", "1.2.x", "1.2.3-a_b",
  ])
  func noVersionIsRefused(_ text: String) {
    #expect(throws: AppContainerError.self) { try ACVersion(parsing: text) }
  }

  @Test func kinds() throws {
    #expect(try ACKind(parsing: "ImageManifest") == .imageManifest)
    #expect(try ACKind(parsing: "PodManifest") == .podManifest)
    for text in ["", "garbage", "AppManifest", "imagemanifest"] {
      #expect(throws: AppContainerError.self) { try ACKind(parsing: text) }
    }
  }

  @Test func anImageIDAndItsAbbreviations() throws {
    let digits = String(repeating: "0123456789abcdef", count: 8)
    let id = try ACIImageID(parsing: "sha512-" + digits)
    #expect(id.description == "sha512-" + digits)
    #expect(id.isWhole)
    #expect(id.rktKey == "sha512-" + digits.prefix(64))
    #expect(id.short == "sha512-" + digits.prefix(32))
    let key = try ACIImageID(parsing: id.rktKey)
    #expect(!key.isWhole)
    #expect(key.matches(id) && id.matches(key) && id.matches(id))
    #expect(!key.matches(try ACIImageID(parsing: "sha512-" + String(digits.reversed()))))
    #expect(try ACIImageID(parsing: "sha512-" + digits.uppercased()) == id)
    for text in ["", digits, "sha512-", "sha256-" + digits, "sha512:" + digits, "sha512-" + digits + "0"] {
      #expect(throws: AppContainerError.self) { try ACIImageID(parsing: text) }
    }
    for text in ["sha512-" + digits.prefix(63), "sha512-" + digits.dropLast() + "g", "sha512-..."] {
      #expect(throws: AppContainerError.self) { try ACIImageID(parsing: text) }
    }
  }

  @Test(
    arguments: [
      ("1", 1, 1000), ("250m", 1, 250), ("1.5", 2, 1500), ("0.3", 1, 300),
      ("1G", 1_000_000_000, 1_000_000_000_000),
      ("128974848", 128_974_848, 128_974_848_000), ("125952Ki", 128_974_848, 128_974_848_000),
      ("123Mi", 128_974_848, 128_974_848_000), ("2M", 2_000_000, 2_000_000_000), ("1k", 1000, 1_000_000),
      ("1K", 1000, 1_000_000), ("12e6", 12_000_000, 12_000_000_000), ("0", 0, 0), ("1n", 1, 1),
      ("-1", -1, -1000),
      ("0.5Gi", 536_870_912, 536_870_912_000), (".5", 1, 500), ("5.", 5, 5000),
      ("7Ei", 8_070_450_532_247_928_832, .max),
      ("99Ei", .max, .max),
    ] as [(String, Int64, Int64)])
  func aQuantityIsTaken(_ text: String, _ units: Int64, _ milliunits: Int64) throws {
    let quantity = try ResourceQuantity(parsing: text)
    #expect(quantity.units == units)
    #expect(quantity.milliunits == milliunits)
    #expect(quantity.description == text)
  }

  @Test(arguments: ["", "such garbage", "1 G", "m", "1mi", "1e", "1.2.3", "--1", "1GiB", "0x10", "1e99"])
  func noQuantityIsRefused(_ text: String) {
    #expect(throws: AppContainerError.self) { try ResourceQuantity(parsing: text) }
  }
}
