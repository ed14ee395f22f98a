import Access
import AppContainer
import ContainerImage
import Mirroring
import Trust

/// What is to be brought from one registry to another, and when.
public struct ReplicationRule: Sendable {
  /// Where images come from.
  public enum Source: Sendable {
    /// A registry; nil for this one.
    case registry(RemoteRegistry?)
    /// Hosts of App Container images, which are found by their names.
    case appContainer(AppContainerHosts)
  }

  /// What becomes of tags that the rule brought before.
  public enum Deletions: String, Sendable, CaseIterable {
    /// They stay.
    case never
    /// Those go that the source has no more.
    case gone
    /// Those go, too, that the rule does not choose any more.
    case unselected
  }

  /// Letters, digits, `.`, `_` and `-`.
  public let name: String
  public let source: Source
  /// By the source's names; none for App Container images.
  public let repositories: [RepositoryPattern]
  public let tags: TagSelection
  /// Of indexes, only the images for these come, while the indexes stay as they are; empty for all.
  public let platforms: [Platform]
  /// Of an index, the image for this platform alone gets the tag; nil for the index.
  public let platform: Platform?
  /// Whether signatures, SBOMs and whatever else refers to an image come with it.
  public let referrers: Bool
  /// Nil for this registry.
  public let target: RemoteRegistry?
  /// What comes off the beginning of the source's names, and what comes before them then.
  public let strip: RepositoryName?
  public let prefix: RepositoryName?
  public let deletions: Deletions
  /// Nil for a rule that runs only when somebody says so.
  public let schedule: ReplicationSchedule?

  private static let keys = [
    "name", "from", "images", "appc", "repositories", "tags", "except", "versions", "suffix", "newest",
    "platforms", "platform", "referrers", "to", "strip", "prefix", "deletions", "every", "cron",
  ]

  /// - Parameter registries: by their names.
  init(_ node: JSONNode, _ registries: (String) throws(InvalidValue) -> RemoteRegistry) throws(InvalidValue) {
    let members = try node.members(Self.keys)
    name = try members.needed("name").parsed { text throws(InvalidValue) in
      guard (1...64).contains(text.utf8.count),
        text.utf8.allSatisfy({ $0.isAlphanumeric || "._-".utf8.contains($0) })
      else {
        throw .malformed(
          "\(text.quotedForMessage) is no rule's name: expected at most 64 letters, digits, '.', '_' and '-'")
      }
      return text
    }
    func registry(_ key: String) throws(InvalidValue) -> RemoteRegistry? {
      guard let node = members[key] else { return nil }
      return try node.parsed(registries)
    }
    target = try registry("to")
    if let images = members["images"] {
      for key in [
        "from", "repositories", "tags", "except", "versions", "suffix", "newest", "platforms", "referrers",
        "deletions",
      ] {
        if let other = members[key] {
          throw other.failure("a rule with images, of App Container hosts, has none")
        }
      }
      source = .appContainer(try AppContainerHosts(images, members["appc"]))
      repositories = []
    } else {
      if let other = members["appc"] { throw other.failure("it is for rules with images") }
      let from = try registry("from")
      if from == nil, target == nil {
        throw node.failure(
          "it brings images from this registry to this registry: say where they come from (from), or where they go (to)"
        )
      }
      if let from, let target, from.name == target.name {
        throw node.failure("it brings images from \(from.name) to \(from.name)")
      }
      source = .registry(from)
      repositories = try members.needed("repositories").list { text throws(InvalidValue) in
        // Official images of Docker Hub are in a namespace that nobody writes.
        let isShort = from?.name == ImageReference.dockerHub && !text.contains("/") && !text.contains("*")
        return try RepositoryPattern(parsing: isShort ? "library/\(text)" : text)
      }
      if repositories.isEmpty { throw node.failure("repositories: the list must not be empty") }
    }
    tags = try TagSelection(members)
    platforms =
      try members["platforms"]?.list { text throws(InvalidValue) in try Platform(parsing: text) } ?? []
    platform = try members["platform"]?.parsed { text throws(InvalidValue) in try Platform(parsing: text) }
    if platform != nil, !platforms.isEmpty {
      throw node.failure(
        "platform gives the tag to one image of an index, and platforms keeps the index: choose one of them")
    }
    referrers = try members["referrers"]?.bool() ?? true
    strip = try members["strip"]?.parsed { text throws(InvalidValue) in try RepositoryName(parsing: text) }
    prefix = try members["prefix"]?.parsed { text throws(InvalidValue) in try RepositoryName(parsing: text) }
    deletions =
      try members["deletions"]?.parsed { text throws(InvalidValue) in
        guard let deletions = Deletions(rawValue: text) else {
          throw .malformed(
            "\(text.quotedForMessage): expected \(Deletions.allCases.map(\.rawValue).joined(separator: ", "))"
          )
        }
        return deletions
      } ?? .never
    switch (members["every"], members["cron"]) {
    case (nil, nil): schedule = nil
    case (let every?, nil): schedule = try ReplicationSchedule(every: every)
    case (nil, let cron?): schedule = try ReplicationSchedule(cron: cron)
    case (_?, let cron?): throw cron.failure("every says when it runs already: choose one of them")
    }
  }

  /// The name at the destination of a source's repository.
  /// - Throws: `InvalidValue` if it would have too many bytes, or nothing is left of it.
  func targetName(of repository: RepositoryName) throws(InvalidValue) -> RepositoryName {
    var name = repository.description[...]
    if let strip, name.hasPrefix("\(strip)/") { name = name.dropFirst(strip.description.utf8.count + 1) }
    guard let prefix else { return try RepositoryName(parsing: name) }
    return try RepositoryName(parsing: "\(prefix)/\(name)")
  }

  /// Where images come from and go to, for people.
  public var summary: String {
    let from =
      switch source {
      case .registry(let registry): registry?.name ?? "here"
      case .appContainer: "App Container hosts"
      }
    return "\(from) to \(target?.name ?? "here")"
  }
}
