/// The version that a tag names: `1`, `1.27`, `v1.27.3`, `1.27.3-rc.1`, `2024.01.05.1`, `1.27.3_build.7`.
///
/// It is read as Semantic Versioning 2.0.0 has it, but more leniently, for tags are: a `v` before it, one to four numbers,
/// of which those left out count as 0, and zeros before a number, as calendar versions have them. Tags cannot contain the
/// `+` before build metadata; as Helm does ("Use OCI-based registries"), `_` stands for it.
///
/// Whatever follows a hyphen is a prerelease (section 9). A publisher's variants are therefore prereleases, too:
/// `1.27.3-alpine` comes before `1.27.3`. No rule tells the one from the other (`1.27.3-beta`, `3.12-bookworm`), so none is
/// made up; `TagChoice` chooses a variant by its suffix.
///
/// Order and equality are those of section 11, in which build metadata and how a version is written play no part: `1.2`,
/// `v1.2.0` and `1.2.0_7` are equal.
public struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  /// With 0 for what is missing.
  let numbers: SIMD4<Int>
  /// How many numbers were written, 1 to 4.
  public let writtenNumbers: Int
  /// Empty for a release.
  let prerelease: [Identifier]
  let build: [Identifier]

  /// - Parameter text: a tag, or a version with `+`.
  /// - Returns: nil for what is no version, as many tags are none: `latest`, `3.13rc1`, `1.2.3.4.5`, or a number of more
  ///   than 18 digits.
  public init?(_ text: some StringProtocol) {
    var rest = Substring(text).utf8
    if rest.first == UInt8(ascii: "v") || rest.first == UInt8(ascii: "V") { rest.removeFirst() }
    var numbers = SIMD4<Int>()
    var count = 0
    repeat {
      if count > 0 { rest.removeFirst() }
      let digits = rest.prefix(while: Self.isDigit)
      guard count < 4, (1...18).contains(digits.count) else { return nil }
      numbers[count] = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
      count += 1
      rest = rest.dropFirst(digits.count)
    } while rest.first == UInt8(ascii: ".")
    var prerelease: [Identifier] = []
    if rest.first == UInt8(ascii: "-") {
      let identifiers = rest.dropFirst().prefix { !Self.startsBuild($0) }
      rest = rest.dropFirst(identifiers.count + 1)
      guard let parsed = Self.identifiers(identifiers) else { return nil }
      prerelease = parsed
    }
    var build: [Identifier] = []
    if let first = rest.first {
      guard Self.startsBuild(first), let parsed = Self.identifiers(rest.dropFirst()) else { return nil }
      build = parsed
    }
    description = String(text)
    self.numbers = numbers
    writtenNumbers = count
    self.prerelease = prerelease
    self.build = build
  }

  /// - Parameter numbers: 1 to 4.
  init(numbers: [Int], prerelease: [Identifier]) {
    let suffix = prerelease.isEmpty ? "" : "-" + prerelease.map(\.description).joined(separator: ".")
    description = numbers.map(String.init).joined(separator: ".") + suffix
    self.numbers = SIMD4((numbers + [0, 0, 0]).prefix(4))
    writtenNumbers = numbers.count
    self.prerelease = prerelease
    build = []
  }

  public var major: Int { numbers[0] }
  public var minor: Int { numbers[1] }
  public var patch: Int { numbers[2] }
  /// The fourth number, which the specification does not have.
  public var revision: Int { numbers[3] }

  /// Also a variant; see above.
  public var isPrerelease: Bool { !prerelease.isEmpty }

  public static func == (left: Self, right: Self) -> Bool {
    left.numbers == right.numbers && left.prerelease == right.prerelease
  }

  public static func < (left: Self, right: Self) -> Bool {
    for index in 0..<4 where left.numbers[index] != right.numbers[index] {
      return left.numbers[index] < right.numbers[index]
    }
    // A release comes after its prereleases.
    if left.prerelease.isEmpty || right.prerelease.isEmpty {
      return !left.prerelease.isEmpty && right.prerelease.isEmpty
    }
    return left.prerelease.lexicographicallyPrecedes(right.prerelease)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(numbers)
    hasher.combine(prerelease)
  }

  private static func identifiers(_ text: Substring.UTF8View) -> [Identifier]? {
    var identifiers: [Identifier] = []
    for part in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard let identifier = Identifier(part) else { return nil }
      identifiers.append(identifier)
    }
    return identifiers
  }

  private static func startsBuild(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte == UInt8(ascii: "+")
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}

extension SemanticVersion {
  /// One of the dotted parts of a prerelease or of build metadata: numbers are ordered as numbers and come before all else,
  /// which is ordered by its bytes (section 11, item 4).
  enum Identifier: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Its digits without zeros before them, for it can have more of them than an integer.
    case number(String)
    case text(String)

    /// No prerelease comes before this one.
    static let lowest = Identifier.number("0")

    /// - Returns: nil for what is empty or has other characters than letters, digits and hyphens.
    init?(_ bytes: Substring.UTF8View) {
      guard !bytes.isEmpty, bytes.allSatisfy(Self.isAllowed) else { return nil }
      guard bytes.allSatisfy(SemanticVersion.isDigit) else {
        self = .text(String(Substring(bytes)))
        return
      }
      // The last digit stays: 0 is a number.
      let zeros = bytes.dropLast().prefix { $0 == UInt8(ascii: "0") }
      self = .number(String(Substring(bytes.dropFirst(zeros.count))))
    }

    var description: String {
      switch self {
      case .number(let digits): digits
      case .text(let text): text
      }
    }

    static func < (left: Self, right: Self) -> Bool {
      switch (left, right) {
      case (.number(let left), .number(let right)):
        (left.utf8.count, left) < (right.utf8.count, right)
      case (.text(let left), .text(let right)): left < right
      case (.number, .text): true
      case (.text, .number): false
      }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }
}
