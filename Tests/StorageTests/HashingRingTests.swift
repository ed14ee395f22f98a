import ContainerImage
import Foundation
import NIOCore
import Testing

@testable import Storage

@Suite struct HashingRingTests {
  private struct Broken: Error {}

  private static let piece = HashingRing.bufferSize

  /// Fewer pieces than there are buffers, and more.
  @Test(
    arguments: DigestAlgorithm.allCases,
    [[], [0], [1], [piece], [piece, 1], [1, 0, piece, 2, 3], Array(repeating: piece - 1, count: 30)])
  func hashesPiecesInTheirOrder(algorithm: DigestAlgorithm, counts: [Int]) {
    let bytes = content(counts.reduce(0, +))
    let ring = HashingRing(ContentHasher(algorithm))
    var position = 0
    for count in counts {
      let appended = ring.append { buffer in
        #expect(buffer.count == Self.piece)
        buffer.copyBytes(from: bytes[position..<(position + count)])
        return count
      }
      #expect(appended == count)
      position += count
    }
    #expect(ring.finish().digest() == Digest(algorithm, hashing: bytes))
  }

  @Test func goesOnFromWhatIsHashed() {
    var hasher = ContentHasher(.sha256)
    content(100).withUnsafeBytes { hasher.update($0) }
    let ring = HashingRing(hasher)
    _ = ring.append { buffer in
      buffer.copyBytes(from: [1, 2, 3])
      return 3
    }
    #expect(ring.finish().digest() == Digest(hashing: content(100) + [1, 2, 3]))
  }

  /// Buffers of pieces that do not come are there for others.
  @Test func whatCannotBeBroughtIsNotHashed() {
    let ring = HashingRing(ContentHasher(.sha256))
    for number in 0..<(3 * HashingRing.slots) {
      #expect(throws: Broken.self) {
        _ = try ring.append { buffer in
          buffer.copyBytes(from: [0xff])
          throw Broken()
        }
      }
      _ = ring.append { buffer in
        buffer.copyBytes(from: [UInt8(number)])
        return 1
      }
    }
    #expect(ring.finish().digest() == Digest(hashing: (0..<(3 * HashingRing.slots)).map { UInt8($0) }))
  }

  // MARK: - As uploads use it

  private func append(
    _ bytes: [UInt8], by count: Int, to session: borrowing UploadSession, failingAt end: Int? = nil
  ) async throws {
    try await session.append(filling: { next in
      var position = 0
      while true {
        let appended = try next { buffer in
          if position == end { throw Broken() }
          let count = min(count, buffer.count, bytes.count - position)
          buffer.copyBytes(from: bytes[position..<(position + count)])
          return count
        }
        if appended == 0 { return }
        position += appended
      }
    })
  }

  @Test(arguments: DigestAlgorithm.allCases, [0, 1, piece, 5_000_000])
  func whatComesFromElsewhereBecomesABlob(algorithm: DigestAlgorithm, count: Int) async throws {
    try await withStore { store in
      let bytes = content(count)
      let session = try await store.uploadAtOnce(to: app, algorithm: algorithm)
      try await append(bytes, by: 100_000, to: session)
      try await append(bytes, by: 1 << 20, to: session)
      // What comes otherwise is hashed behind it.
      try await session.append(ByteBuffer(bytes: [1, 2, 3]))
      let all = bytes + bytes + [1, 2, 3]
      let digest = Digest(algorithm, hashing: all)
      #expect(try await session.finish(as: digest) == Int64(all.count))
      #expect(try store.pull(digest) == all)
    }
  }

  @Test(arguments: [0, 1_000_000]) func whatDoesNotComeWholeLeavesNothing(end: Int) async throws {
    try await withStore { store in
      let session = try await store.uploadAtOnce(to: app, algorithm: .sha256)
      await #expect(throws: Broken.self) {
        try await append(content(2_000_000), by: 100_000, to: session, failingAt: end)
      }
      #expect(store.uploadFiles == [])
      #expect(store.blobFiles == [])
    }
  }

  /// What is in the file is what is hashed, whatever did not come.
  @Test func aFileGoesOnBehindAnErrorAsItWas() async throws {
    try await withDirectory { path in
      let file = try UploadFile(path: "\(path)/file", algorithm: .sha256)
      #expect(throws: Broken.self) {
        try file.append(filling: { next in
          _ = try next { buffer in
            buffer.copyBytes(from: [1, 2])
            return 2
          }
          _ = try next { _ in throw Broken() }
        })
      }
      #expect(file.size == 2)
      #expect(try file.digest(.sha256) == Digest(hashing: [1, 2]))
    }
  }
}
