import ContainerImage
import Foundation
import NIOCore
import Testing

@testable import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// File systems that are full or read-only. They are mounted for the test, which takes root.
@Suite struct FullDiskTests {
  struct MountFailure: Error { let reason = String(cString: strerror(errno)) }

  private func withTmpfs(megabytes: Int, _ body: (String) async throws -> Void) async throws {
    try await withDirectory { path in
      guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else { throw MountFailure() }
      // Lazily: connections that other threads keep are still open.
      defer { umount2(path, CInt(MNT_DETACH)) }
      try await body(path)
    }
  }

  /// Takes all the space that is left.
  private func fill(_ path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
    defer { close(descriptor) }
    for size in [65_536, 4096, 1] {
      let zeros = [UInt8](repeating: 0, count: size)
      while write(descriptor, zeros, size) > 0 {}
    }
  }

  private static func isFull(_ error: any Error) -> Bool {
    if case .full = error as? StorageError { return true }
    return false
  }

  @Test(arguments: [true, false])
  func anUploadThatFillsTheDiskEndsWithFullAndFreesItsSpace(isRecorded: Bool) async throws {
    try await withTmpfs(megabytes: 16) { path in
      let store = try await openStore(path)
      let digest = try await store.push(content(100_000))
      for _ in 0..<3 {
        let session: UploadSession
        if isRecorded {
          session = try await store.session(store.startUpload(in: app, algorithm: .sha256))
        } else {
          session = try await store.uploadAtOnce(to: app, algorithm: .sha256)
        }
        do {
          for _ in 0..<9 { try await session.append(ByteBuffer(repeating: 1, count: 1 << 20)) }
          Issue.record("9 MB found room on a disk of 8 MB")
        } catch {
          #expect(error as? StorageError == .full(operation: "write to an upload"))
        }
        #expect(store.uploadFiles == [])
        #expect(try store.metadata.uploads() == [])
        #expect(try store.pull(digest) == content(100_000))
      }
      // What is smaller still has room.
      try await store.push(content(2_000_000, seed: 1))
    }
  }

  @Test func aFullDiskStopsWritesWithFullAndReadsGoOn() async throws {
    try await withTmpfs(megabytes: 16) { path in
      let store = try await openStore(path)
      let blob = try await store.push(content(1000))
      let image = try await store.put(.image([blob], tags: ["v1"]))
      fill(path + "/ballast")

      await #expect(performing: { try await store.push(content(100_000, seed: 1)) }, throws: Self.isFull)
      // Many at once, as one batch: each is told.
      await withTaskGroup(of: Bool.self) { group in
        for number in 0..<20 {
          group.addTask {
            do {
              try await store.put(.image([blob], tags: ["tag\(number)"], annotations: Self.large))
              return false
            } catch {
              return Self.isFull(error)
            }
          }
        }
        for await wasFull in group { #expect(wasFull) }
      }
      #expect(try store.pull(blob) == content(1000))
      #expect(try store.digest(of: "v1") == image)
      #expect(try store.metadata.tags(in: app, after: nil, limit: 10)?.count == 1)
      #expect(store.blobFiles.count == 1)
      try store.check()

      try FileManager.default.removeItem(atPath: path + "/ballast")
      try await store.push(content(100_000, seed: 1))
      try await store.put(.image([blob], tags: ["v2"], annotations: Self.large))
      #expect(try store.digest(of: "v2") != nil)
      #expect(store.uploadFiles == [])
    }
  }

  /// A blob whose row finds no room is not left without one.
  @Test func aBlobWhoseRowHasNoRoomIsNotKept() async throws {
    try await withTmpfs(megabytes: 16) { path in
      let store = try await openStore(path)
      let kept = try await store.push(content(1000))
      let bytes = content(100_000, seed: 1)
      let session = try await store.uploadAtOnce(to: app, algorithm: .sha256)
      try await session.append(ByteBuffer(bytes: bytes))
      fill(path + "/ballast")
      do {
        _ = try await session.finish(as: Digest(hashing: bytes))
        Issue.record("the row found room")
      } catch {
        #expect(error as? StorageError == .full(operation: "record a blob"))
      }
      #expect(store.blobFiles == [String(kept.encoded)])
      #expect(store.uploadFiles == [])
      #expect(try store.pull(Digest(hashing: bytes)) == nil)
      try FileManager.default.removeItem(atPath: path + "/ballast")
      try await store.push(bytes)
      #expect(try store.pull(Digest(hashing: bytes)) == bytes)
    }
  }

  @Test func aReadOnlyUploadDirectoryStopsPushesAndReadsGoOn() async throws {
    try await withStore { store in
      let digest = try await store.push(content(1000))
      let uploads = store.directory.uploads
      guard mount(uploads, uploads, nil, UInt(MS_BIND), nil) == 0 else { throw MountFailure() }
      defer { umount2(uploads, CInt(MNT_DETACH)) }
      let flags = UInt(MS_BIND | MS_REMOUNT | MS_RDONLY)
      guard mount(nil, uploads, nil, flags, nil) == 0 else { throw MountFailure() }

      let error = await #expect(throws: StorageError.self) { try await store.push(content(10, seed: 1)) }
      guard case .readOnly = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(try store.pull(digest) == content(1000))
      // Metadata is on another file system here, and goes on.
      try await store.put(.image([digest], tags: ["v1"]))
      try store.check()
    }
  }

  @Test func aReadOnlyDataDirectoryIsRefusedAtTheStart() async throws {
    try await withTmpfs(megabytes: 16) { path in
      guard mount(nil, path, nil, UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else {
        throw MountFailure()
      }
      let error = await #expect(throws: StorageError.self) { try await openStore(path) }
      guard case .readOnly = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  /// More than the pages that the database has allocated already.
  private static let large = #"{"text":"\#(String(repeating: "x", count: 200_000))"}"#
}
