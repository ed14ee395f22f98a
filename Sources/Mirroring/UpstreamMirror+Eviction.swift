import Access
import ContainerImage
import Storage

extension UpstreamMirror {
  /// Of manifests that go at once.
  private static let batch = 100

  /// Lets go what nobody has pulled for long, and what is too much, least recently pulled first. What was pushed here, and what is
  /// pinned, stays.
  func evict(_ upstream: Upstream) async throws {
    let prefix = upstream.prefix.description
    let now = secondsSince1970()
    if let keep = upstream.keep {
      try await evict(upstream, notPulledSince: now - keep.components.seconds) { true }
    }
    if let most = upstream.maximumSize {
      try await evict(upstream, notPulledSince: now) { [registry] in
        try await registry.usage(below: prefix).bytes > most
      }
    }
  }

  private func evict(
    _ upstream: Upstream, notPulledSince time: Int64, while isTooMuch: () async throws -> Bool
  ) async throws {
    let store = registry.store
    var passed = 0
    while try await isTooMuch() {
      let (prefix, limit) = (upstream.prefix.description, Self.batch + passed)
      let found = try await store.blocking {
        try store.metadata.leastPulled(below: prefix, before: time + 1, limit: limit)
      }
      var gone = 0
      for manifest in found.dropFirst(passed) {
        guard try await isTooMuch() else { return }
        if try await isPinned(manifest, upstream) {
          passed += 1
          continue
        }
        if try await store.metadata.evict(manifest.digest, in: manifest.repository, notPulledSince: time) {
          gone += 1
          logger.info(
            "let a manifest go",
            metadata: [
              "upstream": "\(upstream.namespace)", "repository": "\(manifest.repository)",
              "digest": "\(manifest.digest)",
            ])
        } else {
          passed += 1
        }
      }
      if gone == 0, found.count < limit { return }
    }
  }

  private func isPinned(_ manifest: MirroredManifest, _ upstream: Upstream) async throws -> Bool {
    guard
      let remote = try? RepositoryName(
        parsing: manifest.repository.description.dropFirst(upstream.prefix.description.utf8.count + 1))
    else { return false }
    let metadata = registry.store.metadata
    let tags = try await registry.store.blocking {
      // What an index lists is pinned with it.
      let indexes = try metadata.indexes(listing: manifest.digest, in: manifest.repository)
      return try ([manifest.digest] + indexes.map(\.digest)).flatMap {
        try metadata.tags(of: $0, in: manifest.repository)
      }
    }
    if tags.contains(where: { tag in upstream.pinned.contains { $0.matches(tag, in: remote) } }) {
      return true
    }
    // What a rule brings would only come again.
    return try await registry.store.blocking {
      try tags.contains { try metadata.isReplicated($0, in: manifest.repository) }
    }
  }
}
