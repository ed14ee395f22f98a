import ContainerImage

/// Which of a repository's tags is the newest: the highest that is a version; of a repository without such, the one that
/// was moved last. A release is newer than what came before it (`1.0.0-rc.1`; semver.org, section 11).
struct VersionOrder {
  private struct Version: Comparable {
    let numbers: [Int]
    /// Empty for a release.
    let preRelease: [Substring]

    /// `1`, `1.2` and `v1.2.3-rc.1` are versions; a date such as `20260131` is one, too.
    init?(_ tag: Tag) {
      var text = tag.description[...]
      if text.first == "v" { text = text.dropFirst() }
      text = text.prefix { $0 != "_" }
      let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      let numbers = parts[0].split(separator: ".", omittingEmptySubsequences: false).map { number in
        number.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(number) : nil
      }
      guard (1...4).contains(numbers.count), numbers.allSatisfy({ $0 != nil }) else { return nil }
      self.numbers = numbers.compactMap { $0 } + Array(repeating: 0, count: 4 - numbers.count)
      preRelease = parts.count > 1 ? parts[1].split(separator: ".") : []
    }

    static func < (left: Version, right: Version) -> Bool {
      if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
      if left.preRelease.isEmpty || right.preRelease.isEmpty {
        return !left.preRelease.isEmpty && right.preRelease.isEmpty
      }
      return left.preRelease.lexicographicallyPrecedes(right.preRelease, by: isLower)
    }

    /// Numbers by their value and before texts.
    private static func isLower(_ left: Substring, _ right: Substring) -> Bool {
      switch (Int(left), Int(right)) {
      case (let left?, let right?): left < right
      case (_?, nil): true
      case (nil, _?): false
      case (nil, nil): left < right
      }
    }
  }

  private var highest: (version: Version, tag: Tag)?
  private var latest: (time: Int64, tag: Tag)?

  var newest: Tag? { highest?.tag ?? latest?.tag }

  /// - Parameter movedAt: in seconds.
  mutating func add(_ tag: Tag, movedAt: Int64) {
    if let version = Version(tag), highest.map({ $0.version < version }) ?? true { highest = (version, tag) }
    if latest.map({ ($0.time, $0.tag.description) < (movedAt, tag.description) }) ?? true {
      latest = (movedAt, tag)
    }
  }
}
