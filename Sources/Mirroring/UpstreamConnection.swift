import ContainerImage
import FoundationEssentials
import ImageTransfer
import NIOPosix
import RegistryClient
import Storage
import Synchronization

/// How one upstream is asked: with its limits, and on threads that may block.
final class UpstreamConnection: Sendable {
  struct Counts: Sendable {
    var requests: Int64 = 0
    var failures: Int64 = 0
    var transfers: Int64 = 0
    /// Bytes of blobs.
    var received: Int64 = 0
    /// Answers without a request, to those who asked for a tag or a digest.
    var hits: Int64 = 0
    /// Answers that could not be checked.
    var stale: Int64 = 0
  }

  let upstream: Upstream
  let registry: UpstreamRegistry
  let limits: UpstreamGuard
  private let threads: NIOThreadPool
  private let slots: Slots
  private let counted = Mutex(Counts())

  /// Threads for questions, which are short.
  private static let mostQuestions = 8
  /// Whoever waits gets what is here then.
  private static let longestQuestion = Duration.seconds(20)

  init(_ upstream: Upstream, _ environment: UserEnvironment) {
    self.upstream = upstream
    var configuration = UpstreamRegistry.Configuration(address: upstream.address)
    configuration.authorities = upstream.authorities
    configuration.proxy = upstream.proxy
    configuration.hasCredentials = upstream.credentials != .none
    let (source, namespace) = (upstream.credentials, upstream.namespace)
    configuration.credentials = { try source.credentials(for: namespace, environment) }
    registry = UpstreamRegistry(configuration, environment)
    limits = UpstreamGuard(rate: upstream.rate)
    threads = NIOThreadPool(numberOfThreads: min(upstream.connections, Self.mostQuestions))
    threads.start()
    slots = Slots(upstream.connections)
  }

  deinit { threads.shutdownGracefully { _ in } }

  var counts: Counts { counted.withLock { $0 } }
  func count(_ change: (inout Counts) -> Void) { counted.withLock { change(&$0) } }

  /// Asks something short.
  /// - Throws: `UpstreamFailure`
  func ask<Answer: Sendable>(
    _ body: @escaping @Sendable (UpstreamRegistry) throws -> Answer
  ) async throws -> Answer {
    try await guarded { [registry, threads, limits] in
      try await Self.within(Self.longestQuestion) {
        try await threads.runIfActive {
          // Whoever waited for a thread may have learnt meanwhile that it is of no use.
          try limits.check()
          return try body(registry)
        }
      }
    }
  }

  /// Waits no longer than that; what runs ends by itself.
  private static func within<Answer: Sendable>(
    _ time: Duration, _ body: @escaping @Sendable () async throws -> Answer
  ) async throws -> Answer {
    let late = UpstreamFailure(
      .unavailable, "the upstream does not answer within \(time.components.seconds) s")
    return try await withCheckedThrowingContinuation { continuation in
      let once = Once()
      let timer = Task {
        guard (try? await Task.sleep(for: time)) != nil, once.isFirst() else { return }
        continuation.resume(throwing: late)
      }
      Task {
        let result: Result<Answer, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        guard once.isFirst() else { return }
        timer.cancel()
        continuation.resume(with: result)
      }
    }
  }

  /// Transfers a blob, on whatever thread the body takes.
  /// - Throws: `UpstreamFailure`, and what the body throws.
  func transfer<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    await slots.take()
    defer { slots.giveBack() }
    count { $0.transfers += 1 }
    return try await guarded(body)
  }

  private func guarded<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    let start = ContinuousClock.now
    try limits.check()
    try await limits.turn()
    count { $0.requests += 1 }
    do {
      let value = try await body()
      limits.answered(since: start)
      return value
    } catch let failure as UpstreamFailure {
      limits.failed(failure, since: start)
      count { $0.failures += 1 }
      throw failure
    }
  }
}

extension Upstream.CredentialSource {
  fileprivate func credentials(
    for namespace: String, _ environment: UserEnvironment
  ) throws -> Credentials {
    switch self {
    case .none: return .anonymous
    case .passwordFile(let user, let path):
      guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
        throw UpstreamFailure(.unavailable, "the password's file \(path) cannot be read")
      }
      let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
      return .password(username: user, password: Secret(String(decoding: line, as: UTF8.self)))
    case .environment(let user, let password):
      guard let user = environment[user], let password = environment[password] else {
        throw UpstreamFailure(.unavailable, "the environment variable \(user) or \(password) is not set")
      }
      return .password(username: user, password: Secret(password))
    case .file(let path):
      let own = UserEnvironment(
        home: "/nonexistent", variables: ["REGISTRY_AUTH_FILE": path, "PATH": environment["PATH"] ?? ""],
        userID: environment.userID)
      return try CredentialStore(own).credentials(for: CredentialScope(registry: namespace))
    case .helper(let name):
      return try CredentialStore(environment, helpers: [name])
        .credentials(for: CredentialScope(registry: namespace))
    }
  }
}

/// Something that is done by the first who comes.
private final class Once: Sendable {
  private let isDone = Mutex(false)

  func isFirst() -> Bool {
    isDone.withLock { isDone in
      defer { isDone = true }
      return !isDone
    }
  }
}

/// So many at a time; the others wait in the order in which they came.
final class Slots: Sendable {
  private struct State {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state: Mutex<State>

  init(_ count: Int) { state = Mutex(State(free: count)) }

  func take() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        guard state.free > 0 else {
          state.waiting.append(continuation)
          return false
        }
        state.free -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  func giveBack() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.waiting.isEmpty else {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
