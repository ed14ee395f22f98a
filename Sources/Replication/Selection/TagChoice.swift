import ContainerImage

/// Chooses a repository's tags by the versions that they name.
///
///     let choice = try TagChoice(range: VersionRange(parsing: ">=1.20 <2"), newest: 3, suffix: "-alpine")
///     choice.chosen(from: ["1.27.3-alpine", "1.27.3", "latest"])  // ["1.27.3-alpine"]
///
/// One that asks for nothing takes all tags. Any other leaves out what names no version, such as `latest`, and what its
/// range does not contain. Without a range that is what `*` does not contain: prereleases, and a publisher's variants
/// with them (see `SemanticVersion`), for the newest 3 would otherwise be three variants of one version.
public struct TagChoice: Sendable, Hashable {
  public let range: VersionRange?
  /// How many tags at most; nil for no limit.
  public let newest: Int?
  /// The variant that is wanted, such as `-alpine`: only tags that end so are taken, and their versions are read without
  /// it. `1.27.3-rc.1-alpine` is then a prerelease and `1.27.3-alpine` is none. Nil for none.
  public let suffix: String?

  /// - Parameters:
  ///   - newest: at least 1.
  ///   - suffix: begins with `-`, `_` or `.`.
  /// - Throws: `InvalidValue.malformed`
  public init(range: VersionRange? = nil, newest: Int? = nil, suffix: String? = nil) throws(InvalidValue) {
    if let newest, newest < 1 {
      throw .malformed("the newest \(newest) tags are none: expected a number from 1")
    }
    // Otherwise it would cut numbers, or leave the hyphen.
    if let suffix, suffix.utf8.count < 2 || !"-_.".utf8.contains(where: { $0 == suffix.utf8.first }) {
      throw .malformed(
        "\(suffix.quotedForMessage) is no suffix of tags: expected one such as -alpine, which begins with '-', '_' or '.'"
      )
    }
    self.range = range
    self.newest = newest
    self.suffix = suffix
  }

  /// - Returns: the highest version first, or all of `tags` as they are if nothing is asked for. Of equal versions the one
  ///   of higher build metadata comes first, then the one with more numbers (`1.2.0` before `1.2`, which may be moved on),
  ///   then the lower one by its bytes (`1.2` before `v1.2`).
  public func chosen(from tags: [String]) -> [String] {
    guard range != nil || newest != nil || suffix != nil else { return tags }
    let candidates = tags.compactMap { Candidate($0, suffix: suffix) }
      .filter { range?.contains($0.version) ?? !$0.version.isPrerelease }
      .sorted { $0.isNewer(than: $1) }
    return candidates.prefix(newest ?? candidates.count).map(\.tag)
  }

  private struct Candidate {
    let tag: String
    let version: SemanticVersion

    init?(_ tag: String, suffix: String?) {
      let suffix = suffix ?? ""
      guard tag.hasSuffix(suffix), let version = SemanticVersion(tag.dropLast(suffix.count)) else {
        return nil
      }
      self.tag = tag
      self.version = version
    }

    func isNewer(than other: Candidate) -> Bool {
      if version != other.version { return version > other.version }
      if version.build != other.version.build {
        return other.version.build.lexicographicallyPrecedes(version.build)
      }
      if version.writtenNumbers != other.version.writtenNumbers {
        return version.writtenNumbers > other.version.writtenNumbers
      }
      return tag.utf8.lexicographicallyPrecedes(other.tag.utf8)
    }
  }
}
