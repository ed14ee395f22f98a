import Dispatch
import GRDB
import Synchronization

/// Runs writes on the database one after another, and commits together those that wait together: the disk's
/// sync, which every commit needs, is then paid once for all of them.
///
/// Each write has a savepoint of its own. One that throws undoes itself and leaves the others alone; one that
/// breaks the whole transaction (a full disk, an I/O error) makes every one run again by itself, so that each
/// gets its own answer. A write returns after its commit is on disk, or throws.
final class WriteQueue: Sendable {
  private let database: DatabaseQueue
  private let queue = DispatchQueue(label: "kontor.database.write", qos: .userInitiated)
  private let pending = Mutex<[any QueuedWrite]>([])
  private let committed = Atomic<UInt64>(0)

  /// Rises with every commit before its writes are answered: what was read before may be out of date then.
  var commits: UInt64 { committed.load(ordering: .acquiring) }

  /// More would make the first of them wait for long.
  private static let largestBatch = 128

  init(_ database: DatabaseQueue) {
    self.database = database
  }

  /// - Parameters:
  ///   - operation: what the write is for, in an error's words: "cannot <operation>".
  ///   - body: may run more than once, the last time decides; must do nothing but write.
  /// - Throws: what `body` throws; `StorageError` if the database fails.
  func run<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      submit(Write(operation: operation, body: body, continuation: continuation))
    }
  }

  private func submit(_ write: any QueuedWrite) {
    let isFirst = pending.withLock { pending in
      pending.append(write)
      return pending.count == 1
    }
    if isFirst { queue.async { self.drain() } }
  }

  private func drain() {
    while true {
      let batch = pending.withLock { Array($0.prefix(Self.largestBatch)) }
      commit(batch)
      let isEmpty = pending.withLock { pending in
        pending.removeFirst(batch.count)
        return pending.isEmpty
      }
      if isEmpty { return }
    }
  }

  private func commit(_ batch: [any QueuedWrite]) {
    do {
      // After a failure, too: nobody knows for sure what it left.
      defer { committed.add(1, ordering: .acquiringAndReleasing) }
      try database.writeWithoutTransaction { database in
        try database.inTransaction(.immediate) {
          for write in batch {
            write.perform(database)
            guard database.isInsideTransaction else {
              throw DatabaseError(resultCode: database.lastErrorCode, message: database.lastErrorMessage)
            }
          }
          return .commit
        }
      }
    } catch {
      if batch.count > 1 {
        for write in batch { commit([write]) }
      } else {
        for write in batch { write.finish(failure: error) }
      }
      return
    }
    for write in batch { write.finish(failure: nil) }
  }
}

private protocol QueuedWrite: Sendable {
  /// Runs the write in a savepoint and keeps its result.
  func perform(_ database: Database)
  /// Answers whoever waits: with the result, or with why the transaction around it failed.
  func finish(failure: (any Error)?)
}

private final class Write<Value: Sendable>: QueuedWrite {
  private let operation: String
  private let body: @Sendable (Database) throws -> Value
  private let continuation: CheckedContinuation<Value, any Error>
  private let result = Mutex<Result<Value, any Error>?>(nil)

  init(
    operation: String, body: @escaping @Sendable (Database) throws -> Value,
    continuation: CheckedContinuation<Value, any Error>
  ) {
    self.operation = operation
    self.body = body
    self.continuation = continuation
  }

  func perform(_ database: Database) {
    let outcome = Result {
      var value: Value?
      try database.inSavepoint {
        value = try body(database)
        return .commit
      }
      guard let value else { throw DatabaseError(resultCode: .SQLITE_INTERNAL) }
      return value
    }
    result.withLock { $0 = outcome }
  }

  func finish(failure: (any Error)?) {
    let outcome = result.withLock { $0 }
    switch outcome {
    case .failure(let error) where !(error is DatabaseError):
      continuation.resume(throwing: error)
    case .success(let value) where failure == nil:
      continuation.resume(returning: value)
    case .failure(let error):
      continuation.resume(throwing: StorageError.database(error, operation))
    case .success, nil:
      continuation.resume(
        throwing: StorageError.database(failure ?? DatabaseError(resultCode: .SQLITE_INTERNAL), operation))
    }
  }
}

extension StorageError {
  static func database(_ error: any Error, _ operation: String) -> StorageError {
    guard let error = error as? DatabaseError else {
      return (error as? StorageError) ?? .failed(operation: operation, reason: "\(error)")
    }
    switch error.resultCode {
    case .SQLITE_FULL: return .full(operation: operation)
    case .SQLITE_READONLY: return .readOnly(operation: operation)
    default:
      return .failed(
        operation: operation, reason: error.message ?? "SQLite error \(error.extendedResultCode)")
    }
  }
}
