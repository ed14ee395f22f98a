import Dispatch
import ImageTransfer
import Registry
import Storage
import Synchronization

/// Runs something that does not block, and blocks this thread until it is done: for threads of a copy, which may wait.
/// - Throws: `TransferError`
func waiting<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) throws -> Value {
  let outcome = Outcome<Value>()
  Task {
    do {
      outcome.set(.success(try await body()))
    } catch {
      outcome.set(.failure(error))
    }
  }
  return try translating { try outcome.wait() }
}

/// Puts this registry's errors in words of a copy.
func translating<Value>(_ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as RegistryError {
    switch error {
    case .denied, .tagImmutable, .quotaExceeded, .filledFromElsewhere, .signatureRefused:
      throw TransferError.denied("\(error)")
    case .manifestUnknown, .repositoryUnknown, .blobUnknown: throw TransferError.notFound("\(error)")
    default: throw TransferError.failed("\(error)")
    }
  } catch let error as TransferError {
    throw error
  } catch {
    throw TransferError.failed("\(error)")
  }
}

private final class Outcome<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  func set(_ result: Result<Value, any Error>) {
    self.result.withLock { $0 = result }
    isThere.signal()
  }

  func wait() throws -> Value {
    isThere.wait()
    guard let result = result.withLock({ $0 }) else { throw TransferError.cancelled }
    return try result.get()
  }
}
