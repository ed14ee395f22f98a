import ContainerImage

extension VersionRange {
  /// - Throws: `InvalidValue.malformed`, also if there is nothing between an alternative's bounds, as in `>2 <1`.
  public init(parsing text: String) throws(InvalidValue) {
    var alternatives: [Alternative] = []
    for part in text.split(separator: "||", omittingEmptySubsequences: false) {
      alternatives.append(try Alternative(parsing: part, of: text))
    }
    self.init(description: text, alternatives: alternatives)
  }
}

extension VersionRange.Alternative {
  fileprivate init(parsing part: Substring, of text: String) throws(InvalidValue) {
    for list in part.split(separator: ",", omittingEmptySubsequences: false) {
      var words = list.split { $0 == " " || $0 == "\t" }[...]
      guard !words.isEmpty else {
        throw .malformed(
          "\(text.quotedForMessage) is no version range: expected one such as >=1.20 <2, ^1.2, 1.27.x, 1.2 - 1.4, "
            + "several of them joined by ||, or * for every release")
      }
      while !words.isEmpty { try take(&words, of: text) }
    }
    guard !bounds.isEmpty else {
      throw .malformed("no version is in \(part.quotedForMessage): the lower bound is beyond the upper one")
    }
  }

  /// One comparison off the front: `>=1.2`, `>= 1.2` or `1.2 - 1.4`.
  private mutating func take(_ words: inout ArraySlice<Substring>, of text: String) throws(InvalidValue) {
    let word = words.removeFirst()
    let symbol = word.prefix { "<>=!~^".contains($0) }
    guard let comparison = Comparison(rawValue: String(symbol)) else {
      throw .malformed(
        "\(symbol.quotedForMessage) in \(text.quotedForMessage) is no comparison: expected =, !=, <, <=, >, >=, ^ or ~"
      )
    }
    var operand = word.dropFirst(symbol.count)
    if operand.isEmpty { operand = words.popFirst() ?? "" }
    let version = try PartialVersion(parsing: operand, of: text)
    guard symbol.isEmpty, words.first == "-" else {
      guard !symbol.isEmpty || !version.mayBeMeantAsRange else {
        throw .malformed(
          "\(operand.quotedForMessage) in \(text.quotedForMessage) is one version: write "
            + "\"=\(operand)\" if that is meant, and spaces around the hyphen for a range")
      }
      return try add(comparison, version, of: text)
    }
    words.removeFirst()
    try add(.atLeast, version, of: text)
    try add(.atMost, PartialVersion(parsing: words.popFirst() ?? "", of: text), of: text)
  }

  private mutating func add(
    _ comparison: Comparison, _ version: PartialVersion, of text: String
  ) throws(InvalidValue) {
    guard !version.numbers.isEmpty || !comparison.isVainWithAnyVersion else {
      throw .malformed("\(comparison.rawValue)* in \(text.quotedForMessage) contains no version")
    }
    guard comparison != .notEqual else {
      holes.append(version.bounds(comparison))
      return
    }
    bounds = bounds.intersection(version.bounds(comparison))
    if version.lowest.isPrerelease { hasPrereleases = true }
  }
}

private enum Comparison: String {
  case implied = ""
  case equal = "="
  case notEqual = "!="
  case less = "<"
  case atMost = "<="
  case greater = ">"
  case atLeast = ">="
  case caret = "^"
  case tilde = "~"
  /// Ruby's word for `tilde`.
  case pessimistic = "~>"

  /// True if no version compares so to `*`.
  var isVainWithAnyVersion: Bool { self == .less || self == .greater || self == .notEqual }
}

/// A version in a range: `1.2.3-rc.1`, `1.2`, `1.2.x`, `*`.
private struct PartialVersion {
  /// The numbers before any `x`; none for `*`.
  let numbers: [Int]
  /// With 0 for what is missing.
  let lowest: SemanticVersion
  /// False if all versions that begin with the numbers are meant.
  let isWhole: Bool

  init(parsing operand: Substring, of text: String) throws(InvalidValue) {
    guard !operand.isEmpty else { throw .malformed("a version is missing in \(text.quotedForMessage)") }
    var parts = operand.split(separator: ".", omittingEmptySubsequences: false)
    let count = parts.count
    // In a prerelease, x is a letter.
    if !operand.utf8.contains(where: { "-_+".utf8.contains($0) }) {
      while let last = parts.last, ["x", "X", "*"].contains(last) { parts.removeLast() }
    }
    let isWild = parts.count < count
    guard let version = SemanticVersion(parts.isEmpty ? "0" : parts.joined(separator: ".")),
      !isWild || count <= 4
    else {
      throw .malformed(
        "\(operand.quotedForMessage) in \(text.quotedForMessage) is no version: expected 1 to 4 numbers such as 1.27 "
          + "or 1.27.3-rc.1, or with x or * for the last ones, such as 1.27.x")
    }
    lowest = version
    numbers = parts.isEmpty ? [] : (0..<version.writtenNumbers).map { version.numbers[$0] }
    isWhole = !isWild && (version.writtenNumbers >= 3 || version.isPrerelease)
  }

  /// True for `1.2-1.4`, a prerelease of 1.2.0.
  var mayBeMeantAsRange: Bool {
    lowest.isPrerelease
      && lowest.prerelease.allSatisfy { if case .number = $0 { true } else { false } }
  }

  func bounds(_ comparison: Comparison) -> VersionRange.Bounds {
    switch comparison {
    case .implied, .equal, .notEqual:
      isWhole ? .upTo(lowest, from: lowest) : .before(afterAll(numbers.count), from: lowest)
    case .less:
      .before(isWhole ? lowest : SemanticVersion(numbers: numbers, prerelease: [.lowest]))
    case .atMost:
      isWhole ? .upTo(lowest) : .before(afterAll(numbers.count))
    case .greater:
      isWhole ? .beyond(lowest) : .from(SemanticVersion(numbers: incremented(numbers.count), prerelease: []))
    case .atLeast: .from(lowest)
    case .caret: .before(afterAll(significant), from: lowest)
    case .tilde, .pessimistic: .before(afterAll(min(numbers.count, 2)), from: lowest)
    }
  }

  /// How many numbers there are up to the first that is not 0, which a change of what is compatible would increment.
  private var significant: Int {
    let count = min(numbers.count, 3)
    return numbers.prefix(count).firstIndex { $0 != 0 }.map { $0 + 1 } ?? count
  }

  /// The lowest version that is beyond all that begin with so many of the numbers; nil for none of them, as that is all.
  private func afterAll(_ count: Int) -> SemanticVersion? {
    count == 0 ? nil : SemanticVersion(numbers: incremented(count), prerelease: [.lowest])
  }

  private func incremented(_ count: Int) -> [Int] {
    numbers.prefix(count - 1) + [numbers[count - 1] + 1]
  }
}
