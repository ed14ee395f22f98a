import ContainerImage

/// Which versions are wanted, written as for npm and Go's Masterminds/semver (and so for Helm and Flux).
///
/// | written | means |
/// |---|---|
/// | `>=1.20 <2`, `>=1.20, <2` | both |
/// | `1.2.3`, `=1.2.3` | this version |
/// | `1.2`, `=1.2`, `1.2.x`, `1.2.*` | `>=1.2.0 <1.3.0-0`: all that begins with 1.2 |
/// | `*`, `x` | every release |
/// | `>1.2`, `<=1.2` | beyond all that begins with 1.2; up to the end of it |
/// | `^1.2.3` | `>=1.2.3 <2.0.0-0`: the first number that is not 0 stays |
/// | `^0.2.3`, `^0.0.3` | `>=0.2.3 <0.3.0-0`, `>=0.0.3 <0.0.4-0` |
/// | `~1.2.3`, `~1.2`, `~1` | `>=1.2.3 <1.3.0-0`, `>=1.2.0 <1.3.0-0`, `>=1.0.0 <2.0.0-0`: major and minor, if any, stay |
/// | `1.2 - 1.4`, `1.2 - 1.4.2` | `>=1.2.0 <1.5.0-0`, `>=1.2.0 <=1.4.2` |
/// | `!=1.2.3`, `!=1.2` | not this version; none that begins with 1.2 |
/// | `>1 \|\| ~0.9` | at least one of them |
///
/// Three or four numbers are a whole version; with less, or with an `x` behind them, they are all versions that begin so.
/// `-0` is the lowest prerelease, so `<2` leaves out 2.0.0-rc.1, too.
///
/// Prereleases, and with them a publisher's variants (see `SemanticVersion`), are left out unless one is written among the
/// alternative's bounds, as in `>=1.20-0 <2`: then all prereleases between its bounds are taken. That is Masterminds' rule;
/// npm's would take only those of 1.20.0, which is of little use with tags.
///
/// Source: npm/node-semver, README.md, "Ranges"; Masterminds/semver v3, README.md, "Checking Version Constraints".
public struct VersionRange: Sendable, Hashable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  let alternatives: [Alternative]

  public func contains(_ version: SemanticVersion) -> Bool {
    alternatives.contains { $0.contains(version) }
  }
}

extension VersionRange {
  /// What stands between `||`.
  struct Alternative: Sendable, Hashable {
    var bounds = Bounds.all
    /// What `!=` takes away.
    var holes: [Bounds] = []
    var hasPrereleases = false

    func contains(_ version: SemanticVersion) -> Bool {
      (hasPrereleases || !version.isPrerelease) && bounds.contains(version)
        && !holes.contains { $0.contains(version) }
    }
  }

  struct Bounds: Sendable, Hashable {
    var lower: SemanticVersion
    var includesLower = true
    /// Nil for none.
    var upper: SemanticVersion?
    var includesUpper = false

    static let all = from(lowest)
    private static let lowest = SemanticVersion(numbers: [0], prerelease: [.lowest])

    static func from(_ lower: SemanticVersion) -> Bounds { Bounds(lower: lower) }

    static func beyond(_ lower: SemanticVersion) -> Bounds { Bounds(lower: lower, includesLower: false) }

    static func before(_ upper: SemanticVersion?, from lower: SemanticVersion = lowest) -> Bounds {
      Bounds(lower: lower, upper: upper)
    }

    static func upTo(_ upper: SemanticVersion, from lower: SemanticVersion = lowest) -> Bounds {
      Bounds(lower: lower, upper: upper, includesUpper: true)
    }

    func contains(_ version: SemanticVersion) -> Bool {
      guard includesLower ? version >= lower : version > lower else { return false }
      guard let upper else { return true }
      return includesUpper ? version <= upper : version < upper
    }

    /// True if no version can be within them.
    var isEmpty: Bool {
      guard let upper else { return false }
      return includesLower && includesUpper ? lower > upper : lower >= upper
    }

    func intersection(_ other: Bounds) -> Bounds {
      var result = self
      if other.lower > lower || other.lower == lower && !other.includesLower {
        result.lower = other.lower
        result.includesLower = other.includesLower
      }
      guard let upper = other.upper else { return result }
      if self.upper.map({ upper < $0 || upper == $0 && !other.includesUpper }) ?? true {
        result.upper = upper
        result.includesUpper = other.includesUpper
      }
      return result
    }
  }
}
