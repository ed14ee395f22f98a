import ContainerImage
import Foundation
import NIOCore
import Registry
import Storage
import Testing

@Suite struct UploadTests {
  private struct BrokenOff: Error {}

  @Test func chunksMustFollowOneAnother() async throws {
    try await withRegistry { registry in
      let upload = try await registry.startUpload(in: app)
      let id = upload.id.description
      let first = try await registry.appendChunk(
        to: id, in: app, range: 0...2, content: body([1], [2, 3]))
      #expect(first.size == 3)
      await #expect(throws: RegistryError.chunkOutOfOrder(upload: first)) {
        try await registry.appendChunk(to: id, in: app, range: 4...5, content: body([5, 6]))
      }
      // The session is as it was, and goes on.
      #expect(try await registry.uploadStatus(id, in: app) == first)
      let digest = Digest(hashing: [1, 2, 3, 4])
      #expect(try await registry.finishUpload(id, in: app, as: digest, range: 3...3, content: body([4])) == 4)
      #expect(try registry.pull(digest) == [1, 2, 3, 4])
      await #expect(throws: RegistryError.uploadUnknown(id)) { try await registry.uploadStatus(id, in: app) }
    }
  }

  @Test func aBodyThatIsNotAsLongAsItSaidIsAnError() async throws {
    try await withRegistry { registry in
      let id = try await registry.startUpload(in: app).id.description
      await #expect(throws: RegistryError.sizeMismatch(expected: 5, received: 2)) {
        try await registry.appendChunk(to: id, in: app, range: 0...4, content: body([1, 2]))
      }
      // What came can be kept, and is told.
      #expect(try await registry.uploadStatus(id, in: app).size == 2)
      await #expect(throws: RegistryError.sizeMismatch(expected: 1, received: 2)) {
        try await registry.finishUpload(
          id, in: app, as: Digest(hashing: [1, 2, 3, 4]), range: 2...2, content: body([3, 4]))
      }
      await #expect(throws: RegistryError.uploadUnknown(id)) { try await registry.uploadStatus(id, in: app) }
    }
  }

  @Test func aChunkThatBreaksOffMayBeContinued() async throws {
    try await withRegistry { registry in
      let id = try await registry.startUpload(in: app).id.description
      await #expect(throws: BrokenOff.self) {
        try await registry.appendChunk(
          to: id, in: app, range: nil, content: body([1, 2], failure: BrokenOff()))
      }
      #expect(try await registry.uploadStatus(id, in: app).size == 2)
      let digest = Digest(hashing: [1, 2, 3])
      #expect(try await registry.finishUpload(id, in: app, as: digest, range: nil, content: body([3])) == 3)
    }
  }

  @Test func anUploadAtOnceThatFailsLeavesNothingBehind() async throws {
    try await withRegistry { registry in
      await #expect(throws: BrokenOff.self) {
        try await registry.uploadAtOnce(
          to: app, as: Digest(hashing: [1]), content: body([1], failure: BrokenOff()))
      }
      let wrong = Digest(hashing: [9])
      await #expect(throws: RegistryError.digestMismatch(expected: wrong, actual: Digest(hashing: [1]))) {
        try await registry.uploadAtOnce(to: app, as: wrong, content: body([1]))
      }
      let totals = try registry.store.metadata.totals()
      #expect((totals.repositories, totals.blobs, totals.uploads) == (0, 0, 0))
      let leftovers = try FileManager.default.contentsOfDirectory(
        atPath: registry.store.directory.uploads)
      #expect(leftovers == [])
      #expect(try registry.pull(Digest(hashing: [1])) == nil)
    }
  }

  @Test(arguments: ["", "..", "no-such-upload", "00000000-0000-4000-8000-000000000000"])
  func anUnknownUploadIsSaidToBeUnknown(id: String) async throws {
    try await withRegistry { registry in
      await #expect(throws: RegistryError.uploadUnknown(id)) { try await registry.cancelUpload(id, in: app) }
      await #expect(throws: RegistryError.uploadUnknown(id)) {
        try await registry.appendChunk(to: id, in: app, range: nil, content: body([1]))
      }
    }
  }

  @Test func aCancelledUploadIsGone() async throws {
    try await withRegistry { registry in
      let id = try await registry.startUpload(in: app).id.description
      await #expect(throws: RegistryError.uploadUnknown(id)) {
        try await registry.cancelUpload(id, in: other)
      }
      try await registry.cancelUpload(id, in: app)
      await #expect(throws: RegistryError.uploadUnknown(id)) { try await registry.uploadStatus(id, in: app) }
    }
  }
}
