import ContainerImage
import ImageTransfer
import Mirroring
import Registry
import Storage

/// This registry.
struct LocalPlace: ReplicationPlace {
  private let here: Registry
  /// Which repositories are filled from upstreams; nil if none is.
  private let upstreams: UpstreamList?
  /// The upstream whose repositories may be filled from here; nil for none.
  private let upstream: String?

  init(_ here: Registry, upstreams: UpstreamList?, upstream: String?) {
    self.here = here
    self.upstreams = upstreams
    self.upstream = upstream
  }

  var registry: String { "" }

  private static let tagsAtOnce = 1000

  func repositories() throws -> [RepositoryName] {
    var found: [RepositoryName] = []
    while true {
      let last = found.last?.description
      let page = try waiting { [here] in
        try await here.repositories(after: last, limit: Self.tagsAtOnce) { _ in true }
      }
      found += page.elements
      if !page.hasMore { return found }
    }
  }

  func tags(in repository: RepositoryName) throws -> [Tag] {
    var found: [Tag] = []
    while true {
      let last = found.last?.description
      let page = try waiting { [here] in
        try await here.tags(in: repository, after: last, limit: Self.tagsAtOnce)
      }
      found += page.elements
      if !page.hasMore { return found }
    }
  }

  func digest(of tag: Tag, in repository: RepositoryName, isListed: Bool) throws -> Digest? {
    try translating { try here.store.metadata.manifest(.tag(tag), in: repository)?.digest }
  }

  func source(
    _ tag: Tag, _ root: Digest, in repository: RepositoryName, tags: Set<Tag>
  ) throws -> any ImageSource {
    // What is held for its signatures, or not trusted, does not leave this registry.
    let outcome = try waiting { [here] in
      try await here.outcome(of: root, as: .tag(tag), in: repository, mayPush: false)
    }
    switch outcome {
    case .given, .givenUntrusted:
      return LocalSource(registry: here, repository: repository, image: root)
    case .held(let reason), .refused(let reason):
      throw TransferError.notTrusted("\(repository):\(tag) does not leave this registry: \(reason)")
    }
  }

  func destination(
    _ tag: Tag, in repository: RepositoryName, isSparse: Bool
  ) throws -> any ImageDestination {
    let isMirrored = try isMirrored(repository)
    return LocalDestination(
      registry: here, repository: repository, tag: tag, isMirrored: isMirrored, isSparse: isSparse)
  }

  func delete(_ tag: Tag, in repository: RepositoryName) throws {
    try waiting { [here] in try await here.deleteManifest(.tag(tag), in: repository) }
  }

  func mayBePartial(_ repository: RepositoryName) -> Bool { here.configuration.isMirrored(repository) }

  func beginTransfer() throws {}

  func endTransfer(received bytes: Int64) {}

  var failure: String? { nil }

  var questions: Int { 4 }

  /// - Throws: `TransferError` for a repository that takes images of another registry alone.
  private func isMirrored(_ repository: RepositoryName) throws -> Bool {
    guard here.configuration.isMirrored(repository) else { return false }
    let place = try? upstreams?.place(of: repository, namespace: nil)
    guard let place, let upstream, place.upstream.namespace == upstream else {
      throw TransferError.denied("\(RegistryError.filledFromElsewhere(repository)); set prefix in the rule")
    }
    return true
  }
}
