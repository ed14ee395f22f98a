import ContainerImage
import Foundation
import Testing

@testable import Storage

@Suite struct DataDirectoryTests {
  @Test func whatIsMissingIsCreated() async throws {
    try await withDirectory { path in
      let store = try await openStore(path + "/deep/down/data")
      try await store.push(content(10))
      #expect(files(below: path + "/deep/down/data/uploads") == [])
      #expect(store.blobFiles.count == 1)
      // Only the one who runs the server may look in.
      let attributes = try FileManager.default.attributesOfItem(atPath: store.directory.blobs)
      #expect(attributes[.posixPermissions] as? Int == 0o700)
    }
  }

  @Test func onlyOneProcessHasADirectory() async throws {
    try await withDirectory { path in
      let store = try await openStore(path)
      #expect(throws: StorageError.inUse(directory: path)) { try DataDirectory(path) }
      // The one that has it goes on undisturbed.
      let digest = try await store.push(content(10))
      #expect(try store.pull(digest) == content(10))
    }
  }

  @Test func aDirectoryIsFreeAfterItsStoreIsGone() async throws {
    try await withDirectory { path in
      for round in 1...3 {
        let store = try await openStore(path)
        try await store.push(content(10, seed: round))
        #expect(store.blobFiles.count == round)
      }
    }
  }

  @Test func aNewerDatabaseIsRefusedAndLeftAsItIs() async throws {
    try await withDirectory { path in
      try await openStore(path).change("INSERT INTO grdb_migrations VALUES ('9999 of the future')")
      await #expect(throws: StorageError.newerSchema(directory: path)) { try await openStore(path) }
      // Nor does the refusal keep the directory.
      await #expect(throws: StorageError.newerSchema(directory: path)) { try await openStore(path) }
    }
  }

  @Test func aFileThatIsNoDatabaseIsRefused() async throws {
    try await withDirectory { path in
      try String(repeating: "not a database ", count: 100)
        .write(toFile: path + "/kontor.sqlite", atomically: false, encoding: .utf8)
      let error = await #expect(throws: StorageError.self) { try await openStore(path) }
      guard case .failed(let operation, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(operation.contains(path + "/kontor.sqlite"))
    }
  }

  @Test func aFileInPlaceOfTheDirectoryIsRefused() async throws {
    try await withDirectory { path in
      #expect(FileManager.default.createFile(atPath: path + "/file", contents: nil))
      await #expect(throws: StorageError.self) { try await openStore(path + "/file") }
      await #expect(throws: StorageError.self) { try await openStore(path + "/file/below") }
    }
  }

  /// What people put beside the blobs is not ours to remove.
  @Test func filesThatAreNoBlobsAreLeftAlone() async throws {
    try await withStore { store in
      let digest = try await store.push(content(10))
      let notes = "\(store.directory.blobs)/sha256/\(digest.encoded.prefix(2))/README"
      #expect(FileManager.default.createFile(atPath: notes, contents: Data("hello".utf8)))
      #expect(try await store.removeUnknownBlobs() == 0)
      #expect(FileManager.default.fileExists(atPath: notes))
    }
  }

  @Test func theCheckPassesWhileFilesAndDatabaseCanBeRead() async throws {
    try await withStore { store in
      try store.check()
      try FileManager.default.removeItem(atPath: store.directory.uploads)
      #expect(FileManager.default.createFile(atPath: store.directory.uploads, contents: nil))
      #expect(throws: StorageError.self) { try store.check() }
    }
  }
}
