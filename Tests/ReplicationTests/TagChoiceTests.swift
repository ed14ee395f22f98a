import ContainerImage
import Testing

@testable import Replication

@Suite struct TagChoiceTests {
  private let tags = [
    "latest", "1", "1.27", "1.27.3", "1.27.2", "1.26.3", "v2.0.0-rc.1", "1.27.3-alpine", "1.27.2-alpine",
    "1.28.0-rc.1-alpine", "alpine", "1.26.3-alpine", "stable", "2.0.0", "main-3f2a1b",
  ]

  @Test func withoutAnyWishAllTagsAreTakenAsTheyAre() throws {
    #expect(try TagChoice().chosen(from: tags) == tags)
  }

  @Test func aRangeTakesTheVersionsInIt() throws {
    let choice = try TagChoice(range: VersionRange(parsing: ">=1.26 <2"))
    #expect(choice.chosen(from: tags) == ["1.27.3", "1.27.2", "1.27", "1.26.3"])
    let withPrereleases = try TagChoice(range: VersionRange(parsing: ">=1.27.3-0"))
    #expect(
      withPrereleases.chosen(from: tags)
        == ["2.0.0", "v2.0.0-rc.1", "1.28.0-rc.1-alpine", "1.27.3", "1.27.3-alpine"])
  }

  @Test func theNewestAreReleases() throws {
    #expect(try TagChoice(newest: 1).chosen(from: tags) == ["2.0.0"])
    #expect(try TagChoice(newest: 3).chosen(from: tags) == ["2.0.0", "1.27.3", "1.27.2"])
    #expect(
      try TagChoice(newest: 100).chosen(from: tags) == ["2.0.0", "1.27.3", "1.27.2", "1.27", "1.26.3", "1"])
    #expect(try TagChoice(newest: 3).chosen(from: ["latest", "main"]) == [])
    #expect(try TagChoice(newest: 3).chosen(from: []) == [])
  }

  @Test func theNewestOfARangeAreInTheRange() throws {
    let choice = try TagChoice(range: VersionRange(parsing: "1.27.x || 1.26.x"), newest: 2)
    #expect(choice.chosen(from: tags) == ["1.27.3", "1.27.2"])
  }

  @Test func aSuffixTakesAVariant() throws {
    #expect(
      try TagChoice(suffix: "-alpine").chosen(from: tags) == [
        "1.27.3-alpine", "1.27.2-alpine", "1.26.3-alpine",
      ])
    let choice = try TagChoice(range: VersionRange(parsing: "^1.27"), newest: 1, suffix: "-alpine")
    #expect(choice.chosen(from: tags) == ["1.27.3-alpine"])
    let prereleases = try TagChoice(range: VersionRange(parsing: ">=1.27.3-0"), suffix: "-alpine")
    #expect(prereleases.chosen(from: tags) == ["1.28.0-rc.1-alpine", "1.27.3-alpine"])
    #expect(
      try TagChoice(newest: 2, suffix: "-jdk").chosen(from: ["17.0.9_9-jdk", "17.0.9_9-jre", "17.0.10_7-jdk"])
        == ["17.0.10_7-jdk", "17.0.9_9-jdk"])
  }

  @Test func equalVersionsAreInOneOrder() throws {
    let sorted = [
      "1.2.0_build.10", "1.2_build.9", "V1.2.0.0", "1.2.0", "V1.2.0", "v1.2.0", "01.2", "1.2", "v1.2",
      "1.1.9",
    ]
    var random = SeededGenerator(seed: 3)
    for _ in 0..<50 {
      let shuffled = sorted.shuffled(using: &random)
      for count in 1...sorted.count {
        #expect(try TagChoice(newest: count).chosen(from: shuffled) == Array(sorted.prefix(count)))
      }
    }
  }

  @Test(arguments: [0, -1, .min]) func fewerThanOneIsRefused(newest: Int) {
    let error = #expect(throws: InvalidValue.self) { try TagChoice(newest: newest) }
    #expect(error?.description.contains("expected a number from 1") == true)
  }

  @Test(arguments: ["", "-", "alpine", "3", " -alpine"]) func whatIsNoSuffixIsRefused(suffix: String) {
    let error = #expect(throws: InvalidValue.self) { try TagChoice(suffix: suffix) }
    #expect(error?.description.contains("expected one such as -alpine") == true)
  }

  /// Against taking the highest one that is left, again and again.
  @Test func theNewestAreTheHighest() throws {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      let tags = Array(
        Set(
          (0..<30).map { _ in
            let numbers = (0..<3).map { _ in "\(Int.random(in: 0...11, using: &random))" }
            return numbers.joined(separator: ".") + ["", "", "-rc.1", "x"].randomElement(using: &random)!
          }))
      var left = tags.filter { SemanticVersion($0)?.isPrerelease == false }
      var highest: [String] = []
      for _ in 0..<5 {
        guard let tag = left.max(by: { SemanticVersion($0)! < SemanticVersion($1)! }) else { break }
        highest.append(tag)
        left.removeAll { $0 == tag }
      }
      #expect(try TagChoice(newest: 5).chosen(from: tags) == highest)
    }
  }

  @Test func manyTagsTakeNoLongTime() throws {
    var random = SeededGenerator(seed: 5)
    let tags = (0..<100_000).map { index in
      index.isMultiple(of: 3)
        ? "sha-\(index)" : "1.\(index % 997).\(index)" + (index.isMultiple(of: 2) ? "-alpine" : "")
    }.shuffled(using: &random)
    let choice = try TagChoice(range: VersionRange(parsing: ">=1.2 <2 || ~0.9"), newest: 10)
    #expect(choice.chosen(from: tags).count == 10)
  }
}
