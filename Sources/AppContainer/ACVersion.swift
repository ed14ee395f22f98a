import ContainerImage

/// A version of the specification in the form of SemVer 2.0.0, such as `0.8.11` (appc 0.8.11, types.md, "AC Version
/// Type"). Never 0.0.0.
public struct ACVersion: Sendable, Hashable, CustomStringConvertible {
  public let major: Int
  public let minor: Int
  public let patch: Int
  /// What follows `-`; empty for none.
  public let preRelease: String
  /// What follows `+`; empty for none.
  public let metadata: String

  /// The version that this module writes.
  public static let current = ACVersion(major: 0, minor: 8, patch: 11)

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    let malformed = AppContainerError.malformed(
      "\(text.quotedForMessage) is no version: expected three numbers such as 0.8.11 (SemVer 2.0.0)")
    let metadataParts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
    let releaseParts = metadataParts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let numbers = releaseParts[0].split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 3, let major = Self.number(numbers[0]), let minor = Self.number(numbers[1]),
      let patch = Self.number(numbers[2])
    else { throw malformed }
    for suffix in releaseParts.dropFirst() + metadataParts.dropFirst() {
      guard suffix.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(Self.isIdentifier)
      else {
        throw malformed
      }
    }
    self.init(
      major: major, minor: minor, patch: patch,
      preRelease: releaseParts.dropFirst().first.map(String.init) ?? "",
      metadata: metadataParts.dropFirst().first.map(String.init) ?? "")
    guard self != ACVersion(major: 0, minor: 0, patch: 0) else {
      throw .malformed("the version must not be 0.0.0")
    }
  }

  private init(major: Int, minor: Int, patch: Int, preRelease: String = "", metadata: String = "") {
    self.major = major
    self.minor = minor
    self.patch = patch
    self.preRelease = preRelease
    self.metadata = metadata
  }

  public var description: String {
    "\(major).\(minor).\(patch)" + (preRelease.isEmpty ? "" : "-" + preRelease)
      + (metadata.isEmpty ? "" : "+" + metadata)
  }

  private static func number(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      text == "0" || !text.hasPrefix("0")
    else { return nil }
    return Int(text)
  }

  private static func isIdentifier(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
