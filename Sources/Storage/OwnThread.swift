import Dispatch

/// Runs work that takes long, on a thread of its own, so that neither event loops nor the threads of `ContentStore` wait
/// for it.
public func onThreadOfItsOwn<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue(label: "kontor.work").async { continuation.resume(with: Result(catching: body)) }
  }
}
