import Access
import ContainerImage
import Trust

/// Which tags of a repository a rule is for: by pattern, then by version, then the newest of those.
public struct TagSelection: Sendable {
  private let patterns: [TagPattern]
  private let except: [TagPattern]
  private let choice: TagChoice

  init(_ members: JSONNode.Members) throws(InvalidValue) {
    func patterns(_ key: String) throws(InvalidValue) -> [TagPattern] {
      try members[key]?.list { text throws(InvalidValue) in try TagPattern(parsing: "**:\(text)") } ?? []
    }
    self.patterns = try patterns("tags")
    except = try patterns("except")
    let range = try members["versions"]?.parsed { text throws(InvalidValue) in
      try VersionRange(parsing: text)
    }
    let newest = try members["newest"]?.number(in: 1...1_000_000)
    let suffix = try members["suffix"]?.string()
    choice = try TagChoice(range: range, newest: newest, suffix: suffix)
  }

  /// - Returns: those of `tags` that are chosen, in their order.
  func chosen(from tags: [Tag], in repository: RepositoryName) -> [Tag] {
    let candidates = tags.filter { tag in
      (patterns.isEmpty || patterns.contains { $0.matches(tag, in: repository) })
        && !except.contains { $0.matches(tag, in: repository) }
    }
    let chosen = Set(choice.chosen(from: candidates.map(\.description)))
    return candidates.filter { chosen.contains($0.description) }
  }
}
