import Testing

@testable import Replication

@Suite struct SemanticVersionTests {
  @Test(arguments: [
    ("1", [1, 0, 0, 0], 1), ("1.27", [1, 27, 0, 0], 2), ("1.27.3", [1, 27, 3, 0], 3),
    ("v1.27.3", [1, 27, 3, 0], 3), ("V2", [2, 0, 0, 0], 1), ("2024.01.05.1", [2024, 1, 5, 1], 4),
    ("20240105", [20_240_105, 0, 0, 0], 1), ("0", [0, 0, 0, 0], 1), ("00.08.09", [0, 8, 9, 0], 3),
    ("999999999999999999.1", [999_999_999_999_999_999, 1, 0, 0], 2), ("1.2.3_build.7", [1, 2, 3, 0], 3),
    ("1.2.3+21AF26D3---117B344092BD", [1, 2, 3, 0], 3), ("17.0.9_9-jdk-alpine", [17, 0, 9, 0], 3),
  ])
  func aReleaseIsRead(text: String, numbers: [Int], written: Int) throws {
    let version = try #require(SemanticVersion(text))
    #expect([version.major, version.minor, version.patch, version.revision] == numbers)
    #expect(version.writtenNumbers == written)
    #expect(!version.isPrerelease)
    #expect(version.description == text)
  }

  @Test(arguments: [
    "1.27-alpine", "1.27.3-alpine3.20", "v1.0.0-rc.1", "3-bookworm-slim", "1.2.3-0", "1.2.3--",
    "1.2.3-x-y-z.--",
    "1.2.3-rc.1_build.5", "1.2.3-rc.1+build.5", "1.2.3-01", "v1.27.3-k3s1",
    "1.0.0-99999999999999999999999999999999999999999999",
  ])
  func aPrereleaseOrVariantIsRead(text: String) throws {
    let version = try #require(SemanticVersion(text))
    #expect(version.isPrerelease)
    #expect(version.description == text)
  }

  @Test(arguments: [
    "", "v", "vv1", "latest", "stable-1", "1.", ".1", "1..2", "1.2.3.4.5", "1.x", "1.2.", "v.1", "1.2.3-",
    "1.2.3-rc..1",
    "1.2.3-rc.", "1.2.3_", "1.2.3-_1", "1.2.3_a_b", "1.2.3+a+b", "1.2.3-rc_", "1.2 ", " 1.2", "-1", "+1",
    "1.-2", "1.+2",
    "3.13rc1", "1a", "1234567890123456789", "1.1234567890123456789", "sha256-abc", "é", "1.2.3-é", "١.٢",
    "1.2\n", "1.2\0",
    "1.2.3-a b", "release-1.2", "0x10", "1e3",
  ])
  func whatIsNoVersionIsNone(text: String) { #expect(SemanticVersion(text) == nil) }

  /// Semantic Versioning 2.0.0, section 11, items 2 to 4, and what tags add to it.
  @Test(arguments: [
    ["1.0.0", "2.0.0", "2.1.0", "2.1.1"],
    [
      "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
    ],
    ["1.9", "1.10", "1.10.1", "1.11.0-rc.1", "1.11", "2-beta", "2"],
    ["2023.12.31", "2024.01.05", "2024.01.05.1", "2024.1.6", "2024.02.01", "2024.10"],
    [
      "1.0-0", "1.0-00000000000000000000000000001", "1.0-2", "1.0-10", "1.0-99999999999999999999",
      "1.0-100000000000000000000",
    ],
    ["1.0-2", "1.0--1", "1.0-0a", "1.0-A", "1.0-Z", "1.0-a", "1.0-a-b", "1.0-aa", "1.0-b", "1.0"],
    ["0-0", "0-0.0", "0-a", "0", "0.0.0.1-a", "0.0.0.1", "0.0.1-0"],
    ["1.27.3-alpine", "1.27.3-alpine3.20", "1.27.3", "1.27.4-alpine", "1.27.4"],
  ])
  func versionsAreInTheOrderOfTheSpecification(chain: [String]) throws {
    let versions = try chain.map { try #require(SemanticVersion($0)) }
    for (index, version) in versions.enumerated() {
      for (otherIndex, other) in versions.enumerated() {
        #expect((version < other) == (index < otherIndex), "\(version) < \(other)")
        #expect((version == other) == (index == otherIndex), "\(version) == \(other)")
      }
    }
    #expect(versions.reversed().sorted().map(\.description) == chain)
  }

  @Test(arguments: [
    ["1.2", "1.2.0", "v1.2", "V1.2.0.0", "01.02", "1.2_7", "1.2.0+build.9"],
    ["1-rc.1", "1.0-rc.1", "v1.0.0-rc.01", "1.0.0.0-rc.1_7"],
  ])
  func howAVersionIsWrittenPlaysNoPart(texts: [String]) throws {
    let versions = try texts.map { try #require(SemanticVersion($0)) }
    #expect(Set(versions).count == 1)
    for version in versions {
      for other in versions { #expect(version == other && !(version < other)) }
    }
  }

  /// Against another way to compare: by keys of bytes, in which all numbers have one length.
  @Test func anyTwoVersionsAreInTheOrderOfTheirKeys() throws {
    var random = SeededGenerator(seed: 1)
    let versions = (0..<150).map { _ in RandomVersion(using: &random) }
    for left in versions {
      let leftVersion = try #require(SemanticVersion(left.text))
      for right in versions {
        let rightVersion = try #require(SemanticVersion(right.text))
        #expect((leftVersion < rightVersion) == left.key.lexicographicallyPrecedes(right.key))
        #expect((leftVersion == rightVersion) == (left.key == right.key))
        #expect(leftVersion != rightVersion || leftVersion.hashValue == rightVersion.hashValue)
      }
    }
  }

  private struct RandomVersion {
    var text = ""
    var key: [UInt8] = []

    init(using random: inout SeededGenerator) {
      let numbers = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        Int.random(in: 0...2, using: &random)
      }
      text = (Bool.random(using: &random) ? "v" : "") + numbers.map(String.init).joined(separator: ".")
      key = (numbers + [0, 0, 0]).prefix(4).map(UInt8.init)
      guard Bool.random(using: &random) else {
        key.append(255)
        return
      }
      let identifiers = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        ["0", "2", "10", "a", "b", "A", "a-", "-", "rc", "rc1"].randomElement(using: &random)!
      }
      text += "-" + identifiers.joined(separator: ".")
      for identifier in identifiers {
        if let number = UInt8(identifier) {
          key += [1, number, 0]
        } else {
          key += [2] + Array(identifier.utf8) + [0]
        }
      }
      key.append(0)
    }
  }
}
