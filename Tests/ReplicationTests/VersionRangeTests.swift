import ContainerImage
import Testing

@testable import Replication

@Suite struct VersionRangeTests {
  /// npm/node-semver, README.md, "Advanced Range Syntax", and Masterminds/semver, README.md, with versions at the ends.
  @Test(arguments: [
    // What each of them says of simple comparisons.
    ("1.2.3", ["1.2.3", "v1.2.3", "1.2.3_7", "1.2.3.0"], ["1.2.2", "1.2.4", "1.2.3.1", "1.2.3-rc.1"]),
    ("=1.2.3", ["1.2.3"], ["1.2.4"]),
    ("= v1.2.3", ["1.2.3"], ["1.2.4"]),
    (">1.2.3", ["1.2.4", "1.2.3.1", "2"], ["1.2.3", "1.2", "1.2.4-rc.1"]),
    (">=1.2.7", ["1.2.7", "1.2.8", "2.5.3", "1.3.9"], ["1.2.6", "1.1.0", "1.2.7-rc.1"]),
    ("<2.0.0", ["0.2.9", "1.9999.9999", "0"], ["2.0.0", "2.2.9", "2.0.0-rc.1", "1.0.0-rc.1"]),
    ("<=2.0.0", ["0.2.9", "2.0.0", "2"], ["2.0.0.1", "2.0.1", "3.0.0"]),
    (">=1.2.7 <1.3.0", ["1.2.7", "1.2.8", "1.2.99"], ["1.2.6", "1.3.0", "1.1.0"]),
    ("1.2.7 || >=1.2.9 <2.0.0", ["1.2.7", "1.2.9", "1.4.6"], ["1.2.8", "2.0.0"]),
    (">=1.1, <2, !=1.2.3 || > 3", ["1.1", "1.2.4", "4.1.2"], ["1.2.3", "2", "3.0.0", "3.1.2"]),
    (">=1.20 <2", ["1.20", "1.27.3", "1.999"], ["1.19.9", "2", "2.0.0-rc.1", "1.27.3-alpine", "1.27-rc.1"]),
    // A part of a version is all that begins with it.
    ("1", ["1", "1.0.0", "1.9.9.9"], ["0.9", "2", "1.0.0-rc.1"]),
    ("=1.2", ["1.2", "1.2.9"], ["1.1.9", "1.3"]),
    (">1.2", ["1.3.0", "2"], ["1.2", "1.2.8", "1.3.0-beta"]),
    (">1", ["2", "2.1"], ["1", "1.9"]),
    ("<1.2", ["1.1.1", "0"], ["1.2.0", "1.2.0-rc.1"]),
    ("<=1.2", ["1.1", "1.2.0", "1.2.500"], ["1.3.0", "1.3.0-rc.1"]),
    ("<=7.x", ["7.9.9", "6"], ["8"]),
    ("!=1.2", ["1.1.9", "1.3", "0"], ["1.2", "1.2.7", "1.3-rc.1"]),
    ("!=4.x", ["5.1.0", "3"], ["4.1.0", "4"]),
    ("!=1.2.3", ["1.2.2", "1.2.3.1"], ["1.2.3", "1.2.3_7"]),
    // X-ranges.
    ("*", ["0.0.0", "1.2.3", "20240105"], ["1.2.3-rc.1", "1-alpine"]),
    ("x", ["0", "1.2.3"], ["1-0"]),
    (">=*", ["0", "3.1"], ["1-0"]),
    ("*.*.*", ["0", "3.1"], []),
    ("1.x", ["1.0.0", "1.2.3", "1"], ["0.9.9", "2.0.0", "2.0.0-0"]),
    ("1.X.x", ["1.4"], ["2"]),
    ("1.27.*", ["1.27", "1.27.0", "1.27.9"], ["1.26.9", "1.28.0"]),
    ("1.2.3.x", ["1.2.3", "1.2.3.9"], ["1.2.4", "1.2.2"]),
    ("1.2.x || 2.x", ["1.2.3", "2.1.3"], ["1.1.3", "1.3.0", "3.1.3"]),
    // Hyphens.
    ("1.2.3 - 2.3.4", ["1.2.3", "2.3.4", "2"], ["1.2.2", "2.3.5"]),
    ("1.2 - 2.3.4", ["1.2.0", "2.3.4"], ["1.1.9", "2.3.5"]),
    ("1.2.3 - 2.3", ["1.2.3", "2.3.9"], ["2.4.0", "2.4.0-0"]),
    ("1.2.3 - 2", ["1.2.3", "2.9.9"], ["3.0.0"]),
    ("1.2 - 1.4", ["1.2", "1.4.9"], ["1.1", "1.5"]),
    ("x - 1.0.0", ["0.9.7", "1.0.0"], ["1.0.1"]),
    ("1.x - x", ["1.0", "9"], ["0.9"]),
    ("1.2 - 1.4, !=1.3.5", ["1.3.4"], ["1.3.5"]),
    ("1.0.0 - 2.0.0 <=1.5", ["1.5.9"], ["1.6"]),
    // Tildes.
    ("~1.2.3", ["1.2.3", "1.2.9", "1.2.3.4"], ["1.2.2", "1.3.0", "1.3.0-0"]),
    ("~1.2", ["1.2.0", "1.2.9"], ["1.1.9", "1.3.0"]),
    ("~1.27.0", ["1.27", "1.27.5"], ["1.28"]),
    ("~1", ["1.0", "1.9"], ["0.9", "2"]),
    ("~0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
    ("~0", ["0", "0.9"], ["1"]),
    ("~> 1.2.3", ["1.2.4"], ["1.3"]),
    ("~*", ["2.1.1"], []),
    ("~1.2.3.4", ["1.2.3.4", "1.2.4"], ["1.2.3.3", "1.3"]),
    // Carets.
    ("^1.2.3", ["1.2.3", "1.8.1", "1.2.3.1"], ["1.2.2", "2.0.0", "2.0.0-alpha", "1.2.3-pre"]),
    ("^0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
    ("^0.0.3", ["0.0.3", "0.0.3.9"], ["0.0.2", "0.0.4"]),
    ("^1.2.x", ["1.2.0", "1.9"], ["1.1", "2"]),
    ("^0.0.x", ["0.0.0", "0.0.9"], ["0.1.0"]),
    ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
    ("^1.x", ["1.0.0", "1.9"], ["2.0.0"]),
    ("^0.x", ["0.0.0", "0.9"], ["1.0.0"]),
    ("^0.0.0", ["0.0.0"], ["0.0.1"]),
    ("^2024.01.05.1", ["2024.1.5.1", "2024.12"], ["2024.1.5", "2025"]),
    ("^*", ["1.2.3"], []),
    // One alternative's bounds are all taken together.
    ("^1.2 ^1", ["1.4.2"], ["1.1"]),
    ("~1.2.1 >=1.2.3", ["1.2.3"], ["1.2.2"]),
    (">=1.2.3 <=1.2.3", ["1.2.3"], ["1.2.4"]),
    (">1.2.3 <1.2.4", ["1.2.3.1"], ["1.2.3", "1.2.4"]),
    (">2 || <1", ["3", "0.9"], ["1", "2"]),
  ])
  func versionsAreInTheRange(range: String, good: [String], bad: [String]) throws {
    let parsed = try VersionRange(parsing: range)
    #expect(parsed.description == range)
    for text in good { #expect(parsed.contains(try #require(SemanticVersion(text))), "\(text)") }
    for text in bad { #expect(!parsed.contains(try #require(SemanticVersion(text))), "\(text)") }
  }

  /// As Masterminds/semver has it: one prerelease among an alternative's bounds lets in all that are between them.
  @Test(arguments: [
    (
      ">=1.20-0", ["1.20-0", "1.20.0-rc.1", "1.27.3-alpine", "2.0.0-rc.1", "1.20"], ["1.19.9", "1.19.9-rc.1"]
    ),
    (">=1.20-0 <2", ["1.27.3-alpine", "1.27.3"], ["2.0.0-rc.1", "2"]),
    (">=1.20-0 <2.0.0", ["2.0.0-rc.1"], ["2"]),
    (">=0-0", ["0-0", "0-a", "0", "1-alpine"], []),
    ("1.2.3-rc.1", ["1.2.3-rc.1", "1.2.3-rc.1_7"], ["1.2.3", "1.2.3-rc.2"]),
    ("=1.2.3-1", ["1.2.3-1"], ["1.2.3", "1.2.3-2"]),
    ("=1.2-rc.1", ["1.2.0-rc.1"], ["1.2.0", "1.2.1-rc.1"]),
    (
      "^1.2.3-beta.2", ["1.2.3-beta.2", "1.2.3-beta.4", "1.2.4-beta.2", "1.9"],
      ["1.2.3-beta.1", "2.0.0-0", "2.0.0"]
    ),
    ("~1.2.3-beta.2", ["1.2.3-beta.4", "1.2.4-beta.2", "1.2.9"], ["1.2.3-beta.1", "1.3.0-0"]),
    ("^0.0.3-beta", ["0.0.3-beta", "0.0.3-pr.2", "0.0.3"], ["0.0.3-alpha", "0.0.4-0"]),
    ("~1-rc.1", ["1.0.0-rc.2", "1.7"], ["1.0.0-beta", "2-0"]),
    (">=1.0.0-alpha <1.0.0", ["1.0.0-alpha", "1.0.0-rc.1"], ["1.0.0", "1.0.0-0"]),
    (">=1.0.0 <=2.0.0-beta", ["1.0.1-beta", "2.0.0-alpha", "1.0.1"], ["2.0.0-rc", "2.0.0", "1.0.0-rc.1"]),
    (">=1.0.0 <=2.0.0-beta || >3", ["1.0.1-beta", "4"], ["4.0.1-beta"]),
    (">=1 !=2.0.0-rc.1", ["2"], ["2.0.0-rc.1", "2.0.0-rc.2"]),
    (">=1-0 !=2.0.0-rc.1", ["2", "2.0.0-rc.2"], ["2.0.0-rc.1"]),
    ("1.2.3-pre+asdf - 2.4.3-pre+asdf", ["1.2.3", "1.2.3-pre.2", "2.4.3-alpha"], ["2.4.3"]),
    ("1.2.3-beta.x", ["1.2.3-beta.x"], ["1.2.3-beta.1"]),
  ])
  func aRangeWithAPrereleaseHasPrereleases(range: String, good: [String], bad: [String]) throws {
    try versionsAreInTheRange(range: range, good: good, bad: bad)
  }

  @Test(arguments: [
    ("", #""" is no version range"#), ("  ", "is no version range"), ("1 ||", #""1 ||" is no version range"#),
    ("|| 1", "is no version range"), ("1 |||| 2", "is no version range"), (">=1,", "is no version range"),
    (",1", "is no version range"), ("1,,2", "is no version range"),
    ("latest", #""latest" in "latest" is no version: expected 1 to 4 numbers"#),
    (">=1.2 <two", #""two" in ">=1.2 <two" is no version"#),
    ("1.2.3.4.5", "is no version"), ("1.2.3.4.x", "is no version"), ("1.x.3", #""1.x.3" in"#),
    ("1.2.x-rc.1", "is no version"),
    ("1 | 2", #""|" in "1 | 2" is no version"#), ("1.2-", "is no version"), ("1.2-1.4-.", "is no version"),
    (">=1.2<2", #""1.2<2" in ">=1.2<2" is no version"#), ("vx", "is no version"),
    ("1234567890123456789", "is no version"),
    ("=>1", #""=>" in "=>1" is no comparison: expected =, !=, <, <=, >, >=, ^ or ~"#),
    ("==1", "is no comparison"),
    ("><1", "is no comparison"), ("!1", "is no comparison"), ("~=1", "is no comparison"),
    ("1.2-1.4", #""1.2-1.4" in "1.2-1.4" is one version: write "=1.2-1.4" if"#), ("1-2", "is one version"),
    (">=1 1.2.0-1.4.0", "is one version"),
    (">=", #"a version is missing in ">=""#), (">= ,1", "a version is missing"),
    ("1 -", "a version is missing in"),
    ("- 2", #""-" in "- 2" is no version"#), ("1 - <2", #""<2" in"#), (">1 - 2", #""-" in"#),
    ("1 - 2 - 3", #""-" in"#), (">= <2", #""<2" in"#),
    (">*", #">* in ">*" contains no version"#), ("<x", "<* in"), ("!=*", "!=* in"),
    (">2 <1", #"no version is in ">2 <1": the lower bound is beyond the upper one"#),
    ("1 || >2 <1", "no version is in"),
    (">=1.2.3 <1.2.3", "no version is in"), (">1.2.3 <=1.2.3", "no version is in"),
    ("2 - 1", "no version is in"),
    ("1.2 1.3", "no version is in"), ("<0", "no version is in"), ("<0-0", "no version is in"),
  ])
  func whatIsNoRangeIsRefusedWithAReason(text: String, reason: String) {
    let error = #expect(throws: InvalidValue.self) { try VersionRange(parsing: text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  /// Against what the words mean, one by one.
  @Test func anyComparisonsAreTakenTogether() throws {
    var random = SeededGenerator(seed: 2)
    let versions = (0..<3).flatMap { a in (0..<3).flatMap { b in (0..<3).map { c in [a, b, c] } } }
    for _ in 0..<1000 {
      var text = ""
      var isWanted: ([Int]) -> Bool = { _ in false }
      for index in 0..<Int.random(in: 1...3, using: &random) {
        let terms = (0..<Int.random(in: 1...3, using: &random)).map { _ in Self.term(using: &random) }
        let separator = [" ", ",", " , ", "  "].randomElement(using: &random)!
        text += (index == 0 ? "" : "||") + terms.map(\.text).joined(separator: separator)
        isWanted = { [isWanted] version in isWanted(version) || terms.allSatisfy { $0.isWanted(version) } }
      }
      // Some contain nothing, and are refused if that is plain from their bounds.
      guard let range = try? VersionRange(parsing: text) else { continue }
      for numbers in versions {
        let version = numbers.map(String.init).joined(separator: ".")
        #expect(range.contains(SemanticVersion(version)!) == isWanted(numbers), "\(version) in \(text)")
        #expect(!range.contains(SemanticVersion(version + "-rc.1")!))
      }
    }
  }

  private static func term(
    using random: inout SeededGenerator
  ) -> (text: String, isWanted: ([Int]) -> Bool) {
    let numbers = (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 0...2, using: &random)
    }
    let padded = Array((numbers + [0, 0]).prefix(3))
    let wild = numbers.count < 3 && Bool.random(using: &random) ? ".x" : ""
    let text = numbers.map(String.init).joined(separator: ".") + wild
    func isLower(_ version: [Int]) -> Bool { version.lexicographicallyPrecedes(padded) }
    func begins(_ version: [Int], with count: Int) -> Bool {
      version.prefix(count) == numbers.prefix(count)
    }
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return (text, { begins($0, with: numbers.count) })
    case 1: return ("!=" + text, { !begins($0, with: numbers.count) })
    case 2: return ("<" + text, isLower)
    case 3: return (">=" + text, { !isLower($0) })
    case 4: return ("<= " + text, { isLower($0) || begins($0, with: numbers.count) })
    case 5: return ("> " + text, { !isLower($0) && !begins($0, with: numbers.count) })
    case 6: return ("~" + text, { !isLower($0) && begins($0, with: min(2, numbers.count)) })
    default:
      let zeros = numbers.prefix { $0 == 0 }.count
      return ("^" + text, { !isLower($0) && begins($0, with: min(zeros + 1, numbers.count)) })
    }
  }
}
