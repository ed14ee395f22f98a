import ContainerImage

/// How much the repositories below a prefix may hold together: `team=10GiB`, `users/*=500tags`, `/=1TiB`.
///
/// The prefix covers the repository of its name and all below it: `team` is for `team`, `team/app` and `team/app/x`. `*` in it is
/// any characters of one component, and then each prefix that matches has a quota of its own. `/` is the whole registry.
public struct Quota: Sendable, Hashable, CustomStringConvertible {
  public enum Amount: Sendable, Hashable {
    case bytes(Int64)
    case tags(Int64)
  }

  /// As it was given.
  public let description: String
  public let amount: Amount
  /// Nil for the whole registry.
  private let pattern: RepositoryPattern?
  /// Components of the prefix.
  fileprivate let depth: Int

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    guard let sign = text.utf8.lastIndex(of: UInt8(ascii: "=")) else {
      throw .malformed("\(text.quotedForMessage) has no '=': expected PREFIX=SIZE or PREFIX=NUMBERtags")
    }
    let (prefix, amount) = (String(text[..<sign]), String(text[text.utf8.index(after: sign)...]))
    if amount.hasSuffix("tags") {
      guard let count = Int64(amount.dropLast(4)), count >= 0 else { throw Self.malformed(amount) }
      self.amount = .tags(count)
    } else {
      guard let size = ByteSize(parsing: amount), size.bytes >= 0 else { throw Self.malformed(amount) }
      self.amount = .bytes(size.bytes)
    }
    if prefix == "/" {
      (pattern, depth) = (nil, 0)
    } else {
      guard !prefix.contains("**") else {
        throw .malformed("\(prefix.quotedForMessage): a prefix covers all below it without '**'")
      }
      pattern = try RepositoryPattern(parsing: prefix)
      depth = prefix.utf8.count { $0 == UInt8(ascii: "/") } + 1
    }
    description = text
  }

  private static func malformed(_ amount: String) -> InvalidValue {
    .malformed(
      "\(amount.quotedForMessage) is neither a size, such as 10GiB, nor a number of tags, such as 500tags")
  }

  /// The part of the repository's name that it counts for; nil if it is not for this repository. Empty for all repositories.
  public func prefix(of repository: RepositoryName) -> String? {
    guard let pattern else { return "" }
    let components = repository.description.utf8.split(separator: UInt8(ascii: "/"))
    guard components.count >= depth else { return nil }
    let prefix = components[..<depth].map { String(Substring($0)) }.joined(separator: "/")
    return pattern.matches(PathPattern.Path(prefix)) ? prefix : nil
  }
}

extension Sequence<Quota> {
  /// Those that count for the repository, with their prefixes: for the same prefix and kind the first. Quotas of longer and shorter
  /// prefixes count together.
  public func applying(to repository: RepositoryName) -> [(prefix: String, amount: Quota.Amount)] {
    var found: [(prefix: String, amount: Quota.Amount)] = []
    for quota in self {
      guard let prefix = quota.prefix(of: repository) else { continue }
      let isKnown = found.contains { $0.prefix == prefix && $0.amount.isOfSameKind(as: quota.amount) }
      if !isKnown { found.append((prefix, quota.amount)) }
    }
    return found
  }
}

extension Quota.Amount {
  fileprivate func isOfSameKind(as other: Quota.Amount) -> Bool {
    switch (self, other) {
    case (.bytes, .bytes), (.tags, .tags): true
    default: false
    }
  }
}
