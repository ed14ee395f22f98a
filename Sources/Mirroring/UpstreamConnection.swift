import ContainerImage
import FoundationEssentials
import ImageTransfer
import NIOPosix
import RegistryClient
import Storage
import Synchronization

/// How another registry is asked: with its limits, and on threads that may block.
public final class UpstreamConnection: Sendable {
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

  public let remote: RemoteRegistry
  let registry: UpstreamRegistry
  let limits: UpstreamGuard
  private let threads: NIOThreadPool
  let slots: Slots
  private let counted = Mutex(Counts())

  /// Threads for questions, which are short.
  private static let mostQuestions = 8
  /// Whoever waits gets what is here then.
  private static let longestQuestion = Duration.seconds(20)

  public init(_ remote: RemoteRegistry, _ environment: UserEnvironment) {
    self.remote = remote
    var configuration = UpstreamRegistry.Configuration(address: remote.address)
    configuration.authorities = remote.authorities
    configuration.proxy = remote.proxy
    configuration.hasCredentials = remote.credentials != .none
    let (source, name) = (remote.credentials, remote.name)
    configuration.credentials = { try source.credentials(for: name, environment) }
    registry = UpstreamRegistry(configuration, environment)
    limits = UpstreamGuard(rate: remote.rate)
    threads = NIOThreadPool(numberOfThreads: min(remote.connections, Self.mostQuestions))
    threads.start()
    slots = Slots(remote.connections)
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

extension RemoteRegistry.CredentialSource {
  fileprivate func credentials(
    for name: String, _ environment: UserEnvironment
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
      return try CredentialStore(own).credentials(for: CredentialScope(registry: name))
    case .helper(let helper):
      return try CredentialStore(environment, helpers: [helper])
        .credentials(for: CredentialScope(registry: name))
    }
  }
}
