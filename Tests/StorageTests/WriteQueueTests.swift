import ContainerImage
import Dispatch
import Synchronization
import Testing

@testable import Storage

@Suite struct WriteQueueTests {
  private struct Refusal: Error {}

  private final class Counter: Sendable { let value = Atomic(0) }

  private static let insert = "INSERT INTO upload VALUES (?, 'r', 'sha256', 0)"

  /// Runs writes that are all waiting while another one holds the queue, so that they are committed together.
  private func together(
    _ count: Int, in store: ContentStore, _ write: @escaping @Sendable (Int) async throws -> Void
  ) async throws -> [Bool] {
    let gate = DispatchSemaphore(value: 0)
    let waiting = Counter()
    return try await withThrowingTaskGroup(of: (Int, Bool)?.self) { group in
      group.addTask {
        try await store.metadata.write("hold the queue") { _ in
          gate.wait()
          // A write may run again when its batch breaks: then the gate must be open.
          gate.signal()
        }
        return nil
      }
      for number in 0..<count {
        group.addTask {
          waiting.value.add(1, ordering: .relaxed)
          do {
            try await write(number)
            return (number, true)
          } catch {
            return (number, false)
          }
        }
      }
      // A batch that is cut differently gives the same results, only by another way.
      while waiting.value.load(ordering: .relaxed) < count { await Task.yield() }
      try await Task.sleep(for: .milliseconds(50))
      gate.signal()
      var results = Array(repeating: false, count: count)
      for try await result in group {
        if let (number, isDone) = result { results[number] = isDone }
      }
      return results
    }
  }

  @Test func aWriteThatThrowsUndoesItselfAndLeavesTheOthers() async throws {
    try await withStore { store in
      let results = try await together(20, in: store) { number in
        try await store.metadata.write("insert") { database in
          try database.run(Self.insert, ["\(number)"])
          if number % 5 == 3 { throw Refusal() }
        }
      }
      #expect(results == (0..<20).map { $0 % 5 != 3 })
      let rows = try await store.count("SELECT count(*) FROM upload")
      #expect(rows == 16)
    }
  }

  @Test func aWriteTheDatabaseRefusesFailsAloneWithItsReason() async throws {
    try await withStore { store in
      try await store.change("INSERT INTO upload VALUES ('3', 'r', 'sha256', 0)")
      let results = try await together(10, in: store) { number in
        try await store.metadata.write("insert") { try $0.run(Self.insert, ["\(number)"]) }
      }
      #expect(results == (0..<10).map { $0 != 3 })
      let error = await #expect(throws: StorageError.self) {
        try await store.metadata.write("insert a row") { try $0.run(Self.insert, ["3"]) }
      }
      guard case .failed(operation: "insert a row", let reason) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("UNIQUE"))
    }
  }

  /// Some failures, as a full disk, end the transaction of all writes in it: the others run again.
  @Test func aWriteThatBreaksTheTransactionFailsAloneAndTheOthersAreDoneOnce() async throws {
    try await withStore { store in
      let results = try await together(20, in: store) { number in
        try await store.metadata.write("insert") { database in
          try database.run(
            "INSERT INTO tag_history (repository, tag, moved_at) VALUES ('r', ?, 0)", ["\(number)"])
          if number == 7 { try database.run("ROLLBACK") }
        }
      }
      #expect(results == (0..<20).map { $0 != 7 })
      let rows = try await store.count("SELECT count(*) FROM tag_history")
      #expect(rows == 19)
      let tags = try await store.count("SELECT count(DISTINCT tag) FROM tag_history WHERE tag <> '7'")
      #expect(tags == 19)
    }
  }

  @Test func manyWritesAtOnceAreAllDoneAndAnsweredWithTheirOwnResult() async throws {
    try await withStore { store in
      let answers = try await withThrowingTaskGroup(of: (Int, Int64?).self) { group in
        for number in 0..<1000 {
          group.addTask {
            let answer = try await store.metadata.write("insert") { database in
              try database.run(Self.insert, ["\(number)"])
              return try database.integer(
                "SELECT CAST(id AS INTEGER) FROM upload WHERE id = ?", ["\(number)"])
            }
            return (number, answer)
          }
        }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      #expect(answers.count == 1000)
      #expect(answers.allSatisfy { Int64($0.key) == $0.value })
      let rows = try await store.count("SELECT count(*) FROM upload")
      #expect(rows == 1000)
    }
  }

  /// A write's result is seen by every read that begins after its answer, on any thread.
  @Test func whatWasWrittenIsReadAtOnceByAllThreads() async throws {
    try await withStore { store in
      for _ in 0..<20 {
        let id = try await store.startUpload(in: app, algorithm: .sha256)
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for _ in 0..<16 {
            group.addTask { try await store.blocking { try store.metadata.upload(id) != nil } }
          }
          for try await isThere in group { #expect(isThere) }
        }
      }
    }
  }
}
