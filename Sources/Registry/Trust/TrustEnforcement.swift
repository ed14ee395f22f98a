import ContainerImage
import FoundationEssentials
import Logging
import Storage
import Synchronization
import Trust

/// Holds images back that the trust policy does not allow: when they are pushed, when they are pulled, and when they are asked
/// for as ACIs. What it says of an image is stored, so that a pull costs one look-up.
public final class TrustEnforcement: Sendable {
  public struct Configuration: Sendable {
    public var policy: Policy
    /// The registry's name in the policy's scopes and in signatures: a host, with a port if it is not the scheme's own.
    public var registry: String

    public init(policy: Policy, registry: String) {
      self.policy = policy
      self.registry = registry
    }
  }

  /// What an image is asked for as.
  public enum Purpose: Sendable, Hashable {
    case pull
    case appc
  }

  public enum Outcome: Sendable, Hashable {
    case given
    /// Given, though the policy does not allow it: the log should say why.
    case givenUntrusted(String)
    /// To everybody who may not push to the repository, it is not there.
    case held(String)
    case refused(String)
  }

  let store: ContentStore
  let logger: Logger
  private let isMirrored: @Sendable (RepositoryName) -> Bool
  private let state: Mutex<State>
  /// Rises with each policy, once that is in force.
  private let edition = Atomic<Int>(0)
  /// An image is judged once, however many ask for it at the same time.
  let judging = KeyedLock<StoredVerdict.Key>()

  private struct State {
    let configuration: Configuration
    /// The policy's, as verdicts have it.
    let revision: String
    /// By repository; what the policy's scopes say for it.
    var enforcement: [RepositoryName: PolicyEnforcement] = [:]

    init(_ configuration: Configuration) {
      self.configuration = configuration
      revision = configuration.policy.revision.description
    }
  }

  private static let mostKnownRepositories = 10_000

  /// - Parameter isMirrored: whether a repository is filled from another registry.
  public init(
    _ configuration: Configuration, store: ContentStore, logger: Logger,
    isMirrored: @escaping @Sendable (RepositoryName) -> Bool = { _ in false }
  ) {
    state = Mutex(State(configuration))
    self.isMirrored = isMirrored
    self.store = store
    self.logger = logger
  }

  /// Goes by another policy from now on. Verdicts of the former one count no more.
  public func replace(_ configuration: Configuration) {
    state.withLock { $0 = State(configuration) }
    edition.add(1, ordering: .releasing)
  }

  var configuration: Configuration { state.withLock(\.configuration) }

  func enforcement(for repository: RepositoryName) -> (PolicyEnforcement, revision: String) {
    state.withLock { state in
      if let known = state.enforcement[repository] { return (known, state.revision) }
      var found = state.configuration.policy.enforcement(
        for: ImageReference(registry: state.configuration.registry, repository: repository))
      if isMirrored(repository) { found = found.ofMirror }
      if state.enforcement.count >= Self.mostKnownRepositories { state.enforcement = [:] }
      state.enforcement[repository] = found
      return (found, state.revision)
    }
  }

  /// An image that is asked for, and what becomes of it if that is known; may run on an event loop.
  /// - Parameters:
  ///   - reference: by which it is asked for. By a tag and by its digest, a policy may say different things of it.
  ///   - mayPush: whether the client may push to the repository.
  /// - Returns: nil if it is not there. An outcome of nil says that it has to be judged first, by `outcome`.
  /// - Throws: `StorageError`
  func pull(
    _ reference: ManifestReference, in repository: RepositoryName, mayPush: () -> Bool
  ) throws(StorageError) -> (record: ManifestRecord, outcome: Outcome?)? {
    // Before the policy itself: a verdict is never taken for one of a later policy.
    let edition = PolicyEdition(number: edition.load(ordering: .acquiring)) { [self] in
      state.withLock(\.revision)
    }
    guard let found = try store.metadata.manifest(reference, in: repository, judgedBy: edition) else {
      return nil
    }
    // Whatever is done about others, an image that is allowed is given.
    if found.verdict?.isAllowed == true { return (found.record, .given) }
    let enforcement = enforcement(for: repository).0
    guard enforcement.looks(at: .pull, mayPush: mayPush()) else { return (found.record, .given) }
    return (found.record, found.verdict.map { enforcement.outcome(of: $0, for: .pull) })
  }

  /// What becomes of an image that is asked for, whatever it takes to know that. Waits for the disk.
  /// - Throws: `StorageError`
  public func outcome(
    of manifest: Digest, as reference: ManifestReference, in repository: RepositoryName,
    for purpose: Purpose = .pull, mayPush: Bool
  ) async throws -> Outcome {
    let enforcement = enforcement(for: repository).0
    guard enforcement.looks(at: purpose, mayPush: mayPush) else { return .given }
    let verdict = try await judge(manifest, as: reference.tag, in: repository)
    return enforcement.outcome(of: verdict, for: purpose)
  }

  /// Whether images of the repository that are not allowed are not there for everybody.
  func holdsImages(of repository: RepositoryName) -> Bool { enforcement(for: repository).0.push == .hold }

  /// The tags of a page that a client may know of.
  public func visible(
    _ tags: [Tag], in repository: RepositoryName, mayPush: Bool
  ) async throws -> [Tag] {
    let (enforcement, _) = enforcement(for: repository)
    guard enforcement.push == .hold, !mayPush else { return tags }
    var visible: [Tag] = []
    for start in stride(from: 0, to: tags.count, by: Self.judgedTogether) {
      let piece = tags[start..<min(start + Self.judgedTogether, tags.count)]
      let hidden = try await withThrowingTaskGroup(of: Tag?.self) { group in
        for tag in piece {
          group.addTask { [self] in try await isVisible(tag, in: repository) ? nil : tag }
        }
        return try await group.reduce(into: Set<Tag>()) { hidden, tag in if let tag { hidden.insert(tag) } }
      }
      visible += piece.filter { !hidden.contains($0) }
    }
    return visible
  }

  /// Their verdicts share the disk's syncs.
  private static let judgedTogether = 32

  private func isVisible(_ tag: Tag, in repository: RepositoryName) async throws -> Bool {
    let record = try await store.blocking { [store] in
      try store.metadata.manifest(.tag(tag), in: repository)
    }
    guard let record else { return false }
    let outcome = try await outcome(of: record.digest, as: .tag(tag), in: repository, mayPush: false)
    if case .held = outcome { return false }
    return true
  }
}

extension PolicyEnforcement {
  /// Who may push is given all: who signs has to read what is not signed yet.
  fileprivate func looks(at purpose: TrustEnforcement.Purpose, mayPush: Bool) -> Bool {
    !mayPush && (push == .hold || mode(for: purpose) != .off)
  }

  fileprivate func mode(for purpose: TrustEnforcement.Purpose) -> Mode {
    switch purpose {
    case .pull: pull
    case .appc: appc
    }
  }

  fileprivate func outcome(
    of verdict: StoredVerdict, for purpose: TrustEnforcement.Purpose
  ) -> TrustEnforcement.Outcome {
    guard let refusal = verdict.refusal else { return .given }
    if push == .hold { return .held(refusal) }
    return mode(for: purpose) == .enforce ? .refused(refusal) : .givenUntrusted(refusal)
  }
}
