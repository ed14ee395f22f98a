import ContainerImage
import FoundationEssentials
import ImageTransfer
import Logging
import Mirroring
import Registry
import RegistryClient
import Storage
import Synchronization

/// Runs the rules of replication: each when its time has come, and whenever somebody says so.
public final class Replicator: Sendable {
  public enum Failure: Error, Sendable, CustomStringConvertible {
    case unknownRule(String, known: [String])
    case isRunning(String)

    public var description: String {
      switch self {
      case .unknownRule(let name, let known):
        "there is no rule \(name.quotedForMessage), only \(known.joined(separator: ", "))"
      case .isRunning(let name): "the rule \(name) is running already: see 'kontor mirror status'"
      }
    }
  }

  /// How a rule is.
  public struct RuleState: Sendable {
    public let name: String
    /// Where images come from and go to.
    public let summary: String
    /// Nil if it runs only when somebody says so.
    public let schedule: String?
    /// Seconds since 1970; nil if it is not going to run by itself, or is running.
    public let nextAt: Int64?
    /// How far it is now; nil if it does not run.
    public let running: ReplicationRun?
    /// Nil before the first run.
    public let last: ReplicationRun?
  }

  public let list: ReplicationList
  private let registry: Registry
  private let mirror: UpstreamMirror?
  private let staging: String
  private let logger: Logger
  private let connections: [String: UpstreamConnection]
  private let running = Mutex<[String: ReplicationRun]>([:])
  private let isStopped = Atomic<Bool>(false)
  /// Rules that run at the same time: each has threads of its own.
  private let slots = Slots(3)

  /// - Parameters:
  ///   - mirror: whose upstreams may be asked, with the limits that it knows of.
  ///   - staging: a directory for App Container images on their way, which nobody else uses: what is there goes.
  public init(
    _ list: ReplicationList, registry: Registry, mirror: UpstreamMirror?, staging: String,
    environment: UserEnvironment, logger: Logger
  ) {
    self.list = list
    self.registry = registry
    self.mirror = mirror
    self.staging = staging
    // What an earlier run left: this process alone has it.
    try? FileManager.default.removeItem(atPath: staging)
    self.logger = logger
    var connections: [String: UpstreamConnection] = [:]
    for rule in list.rules {
      var remotes = [rule.target]
      if case .registry(let remote) = rule.source { remotes.append(remote) }
      for remote in remotes.compactMap({ $0 }) where connections[remote.name] == nil {
        connections[remote.name] =
          mirror?.connection(named: remote.name) ?? UpstreamConnection(remote, environment)
      }
    }
    self.connections = connections
  }

  // MARK: - Running

  /// Runs the rules that have a schedule, until the task is cancelled.
  public func run() async {
    do {
      try await registry.store.metadata.forgetReplication(but: list.rules.map(\.name))
    } catch {
      logger.warning("cannot forget former rules of replication", metadata: ["error": "\(error)"])
    }
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        for rule in list.rules {
          if let schedule = rule.schedule { group.addTask { await self.run(rule, schedule) } }
        }
      }
    } onCancel: {
      stop()
    }
  }

  /// Whatever runs ends soon, and goes on with its next run.
  public func stop() { isStopped.store(true, ordering: .relaxed) }

  private func run(_ rule: ReplicationRule, _ schedule: ReplicationSchedule) async {
    while !Task.isCancelled {
      let now = secondsSince1970()
      do {
        let last = try await lastRun(of: rule.name)
        let due = schedule.next(after: last?.startedAt, now: now)
        // In pieces: clocks are set.
        guard (try? await Task.sleep(for: .seconds(min(max(due - now, 0), 60)))) != nil else { return }
        if secondsSince1970() < due { continue }
        _ = try await run(rule.name)
      } catch {
        logger.error("a rule did not run", metadata: ["rule": "\(rule.name)", "error": "\(error)"])
        guard (try? await Task.sleep(for: .seconds(60))) != nil else { return }
      }
    }
  }

  /// Runs a rule once.
  /// - Parameter isDryRun: only finds out what would be done.
  /// - Throws: `Failure`, `StorageError`. What becomes of images is told in the report.
  public func run(_ name: String, isDryRun: Bool = false) async throws -> ReplicationReport {
    guard let rule = list.rules.first(where: { $0.name == name }) else {
      throw Failure.unknownRule(name, known: list.rules.map(\.name))
    }
    let begun = ReplicationReport(name, isDryRun: isDryRun, at: secondsSince1970())
    let isFree = running.withLock { running in
      guard running[name] == nil else { return false }
      running[name] = begun.run
      return true
    }
    guard isFree else { throw Failure.isRunning(name) }
    defer { running.withLock { $0[name] = nil } }
    await slots.take()
    defer { slots.giveBack() }
    let former = try await lastRun(of: name)
    var report = try await onThreadOfItsOwn { [self] in perform(rule, begun) }
    report.run.endedAt = secondsSince1970()
    report.run.succeededAt = report.run.failure == nil ? report.run.endedAt : former?.succeededAt
    if !isDryRun { try await registry.store.metadata.keep(report.run) }
    logger.notice(
      "a rule ran",
      metadata: [
        "rule": "\(name)", "checked": "\(report.run.checked)", "copied": "\(report.run.copied)",
        "deleted": "\(report.run.deleted)", "failed": "\(report.run.failed)", "blobs": "\(report.run.blobs)",
        "bytes": "\(report.run.bytes)", "dryRun": "\(isDryRun)",
      ])
    return report
  }

  private func lastRun(of rule: String) async throws -> ReplicationRun? {
    try await registry.store.blocking { [registry] in try registry.store.metadata.replicationRun(of: rule) }
  }

  private func perform(_ rule: ReplicationRule, _ begun: ReplicationReport) -> ReplicationReport {
    let isCancelled: @Sendable () -> Bool = { [self] in isStopped.load(ordering: .relaxed) }
    let progress: @Sendable (ReplicationRun) -> Void = { [self] run in
      running.withLock { $0[rule.name] = run }
    }
    switch rule.source {
    case .registry(let remote):
      let run = RuleRun(
        rule, from: place(remote, nil, .pullByTag, isCancelled),
        to: place(rule.target, remote?.name, .push, isCancelled), store: registry.store, report: begun,
        targetName: { [self] in try targetName(of: $0, rule, from: remote) }, isCancelled: isCancelled,
        progress: progress, logger: logger)
      let result = Result { try run.perform() }
      return run.report.ended(by: result)
    case .appContainer(let hosts):
      var report = begun
      let run = AppContainerRun(
        rule: rule, hosts: hosts, target: place(rule.target, nil, .push, isCancelled), store: registry.store,
        staging: staging, isDryRun: begun.isDryRun, isCancelled: isCancelled, progress: progress,
        logger: logger)
      let result = Result { try run.perform(into: &report) }
      return report.ended(by: result)
    }
  }

  private func place(
    _ remote: RemoteRegistry?, _ upstream: String?, _ operation: RegistryOperation,
    _ isCancelled: @escaping @Sendable () -> Bool
  ) -> any ReplicationPlace {
    if let remote, let connection = connections[remote.name] {
      return RemotePlace(connection, for: operation, isCancelled: isCancelled)
    }
    return LocalPlace(registry, upstreams: mirror?.list, upstream: upstream)
  }

  /// What comes from an upstream goes where it is pulled through, unless the rule says something else.
  private func targetName(
    of repository: RepositoryName, _ rule: ReplicationRule, from remote: RemoteRegistry?
  ) throws -> RepositoryName {
    if rule.target == nil, rule.prefix == nil, rule.strip == nil, let remote,
      let list = mirror?.list, list.upstream(named: remote.name) != nil
    {
      guard let place = try? list.place(of: repository, namespace: remote.name) else {
        throw TransferError.failed("\(repository) would have a name here with too many bytes")
      }
      return place.name
    }
    do throws(InvalidValue) {
      return try rule.targetName(of: repository)
    } catch {
      throw TransferError.failed("\(error)")
    }
  }

  // MARK: - How they are

  /// - Throws: `StorageError`
  public func states() async throws -> [RuleState] {
    let now = secondsSince1970()
    return try await registry.store.blocking { [self] in
      try list.rules.map { rule in
        let last = try registry.store.metadata.replicationRun(of: rule.name)
        let current = running.withLock { $0[rule.name] }
        let next = current == nil ? rule.schedule?.next(after: last?.startedAt, now: now) : nil
        return RuleState(
          name: rule.name, summary: rule.summary, schedule: rule.schedule?.description, nextAt: next,
          running: current, last: last)
      }
    }
  }
}
