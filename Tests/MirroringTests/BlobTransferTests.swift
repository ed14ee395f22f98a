import ContainerImage
import Foundation
import Logging
import NIOCore
import RegistryClient
import Storage
import Testing

@testable import Mirroring

/// Runs `body` with a store of its own and a file beside it.
func withStore(_ body: (ContentStore, String) async throws -> Void) async throws {
  let path = FileManager.default.temporaryDirectory.appending(path: "kontor-mirroring-\(UUID())").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  try await body(ContentStore(path: "\(path)/data", logger: logger), "\(path)/file")
}

@Suite struct BlobTransferTests {
  private static let digest = Digest(hashing: [1, 2, 3])

  private func read(_ transfer: BlobTransfer) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    try await transfer.read { descriptor, part in
      var piece = [UInt8](repeating: 0, count: part.count)
      let count = pread(descriptor, &piece, piece.count, off_t(part.lowerBound))
      bytes += piece[..<count]
    }
    return bytes
  }

  @Test func allGetTheBytesAsTheyComeAndTheLastOnesAtTheEnd() async throws {
    try await withStore { _, file in
      let transfer = BlobTransfer(Self.digest)
      let readers = (0..<20).map { _ in Task { try await read(transfer) } }
      try Data().write(to: URL(filePath: file))
      try transfer.begin(file, size: 300)
      #expect(try await transfer.begun() == 300)
      let handle = try FileHandle(forWritingTo: URL(filePath: file))
      for number in 0..<3 {
        try handle.write(contentsOf: Data(repeating: UInt8(number), count: 100))
        transfer.received(100)
      }
      // One that reads all that there is gets all but the end.
      let early = Task {
        var count = 0
        try await transfer.read { _, part in
          count += part.count
          if count == 299 { throw CancellationError() }
        }
      }
      await #expect(throws: CancellationError.self) { try await early.value }
      transfer.stored(size: 300)
      for reader in readers { #expect(try await reader.value.count == 300) }
      #expect(try await read(transfer) == (0..<3).flatMap { Array(repeating: UInt8($0), count: 100) })
      try await transfer.ended()
      // The file may be gone by its name.
      try FileManager.default.removeItem(atPath: file)
      #expect(try await read(transfer).count == 300)
    }
  }

  @Test func oneThatFailsFailsForAll() async throws {
    try await withStore { _, file in
      let transfer = BlobTransfer(Self.digest)
      let waiting = Task { try await transfer.begun() }
      let failure = UpstreamFailure(.notFound, "no")
      transfer.failed(failure)
      await #expect(throws: failure) { try await waiting.value }
      await #expect(throws: failure) { try await transfer.ended() }

      let second = BlobTransfer(Self.digest)
      try Data([1, 2, 3]).write(to: URL(filePath: file))
      try second.begin(file, size: nil)
      second.received(3)
      let reader = Task { try await read(second) }
      let wrong = UpstreamFailure(.wrong, "other bytes")
      second.failed(wrong)
      await #expect(throws: wrong) { try await reader.value }
      #expect(try await second.begun() == nil)
    }
  }

  @Test func anEmptyBlobHasNoBytes() async throws {
    try await withStore { _, file in
      let transfer = BlobTransfer(Self.digest)
      try Data().write(to: URL(filePath: file))
      try transfer.begin(file, size: 0)
      let reader = Task { try await read(transfer) }
      transfer.stored(size: 0)
      #expect(try await reader.value == [])
    }
  }
}
