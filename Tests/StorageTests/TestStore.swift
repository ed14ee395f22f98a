import ContainerImage
import Foundation
import Logging
import NIOCore

@testable import Storage

let app = try! RepositoryName(parsing: "library/app")
let other = try! RepositoryName(parsing: "library/other")

/// Runs `body` with the path of an empty directory that is removed afterwards, also when `body` throws.
func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  let path = FileManager.default.temporaryDirectory.appending(path: "kontor-storage-\(UUID())").path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

/// Runs `body` with a store of its own.
func withStore<Result>(_ body: (ContentStore) async throws -> Result) async throws -> Result {
  try await withDirectory { path in try await body(openStore(path)) }
}

/// Opens the store at `path`; again if it was open in this test before.
func openStore(_ path: String) async throws -> ContentStore {
  // A thread that did the old store's last work may hold on to it for a moment longer.
  for _ in 0..<1000 {
    do {
      return try ContentStore(path: path, logger: quiet)
    } catch StorageError.inUse {
      try await Task.sleep(for: .milliseconds(5))
    }
  }
  throw StorageError.inUse(directory: path)
}

/// The data directory as a process that was killed at this moment leaves it: a copy, so that nothing is
/// closed or put in order.
func killed(_ store: ContentStore, copyTo path: String) async throws -> ContentStore {
  try FileManager.default.copyItem(atPath: store.directory.path, toPath: path)
  return try await openStore(path)
}

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

struct NoSuchUpload: Error {}

extension ContentStore {
  func session(_ id: UploadID, in repository: RepositoryName = app) async throws -> UploadSession {
    guard let session = try await continueUpload(id, in: repository) else { throw NoSuchUpload() }
    return session
  }

  func hasSession(_ id: UploadID, in repository: RepositoryName = app) async throws -> Bool {
    let session = try await continueUpload(id, in: repository)
    return session != nil
  }

  /// Pushes a blob within one request.
  @discardableResult
  func push(_ bytes: [UInt8], to repository: RepositoryName = app) async throws -> Digest {
    let digest = Digest(hashing: bytes)
    let session = try await uploadAtOnce(to: repository, algorithm: digest.algorithm)
    try await session.append(ByteBuffer(bytes: bytes))
    _ = try await session.finish(as: digest)
    return digest
  }

  /// What a client gets that pulls the blob; nil if the repository has none such.
  func pull(_ digest: Digest, from repository: RepositoryName = app) throws -> [UInt8]? {
    guard let blob = try openBlob(digest, in: repository) else { return nil }
    let handle = FileHandle(fileDescriptor: blob.descriptor, closeOnDealloc: true)
    let bytes = try Array(handle.readToEnd() ?? Data())
    return bytes.count == Int(blob.size) ? bytes : nil
  }

  var uploadFiles: [String] { files(below: directory.uploads) }
  /// Digests' encoded parts, sorted.
  var blobFiles: [String] {
    files(below: directory.blobs).map { String($0[($0.lastIndex(of: "/") ?? $0.startIndex)...].dropFirst()) }
  }

  func path(of digest: Digest) -> String {
    "\(directory.blobs)/\(digest.algorithm.rawValue)/\(digest.encoded.prefix(2))/\(digest.encoded)"
  }

  /// Answers a question to the database with one number.
  func count(_ sql: String) async throws -> Int64 {
    try await metadata.write("count") { try $0.integer(sql) } ?? 0
  }

  /// Changes rows behind the store's back.
  func change(_ sql: String) async throws {
    try await metadata.write("change") { try $0.run(sql) }
  }
}

func files(below directory: String) -> [String] {
  let all = FileManager.default.enumerator(atPath: directory)
  var found: [String] = []
  while let name = all?.nextObject() as? String {
    if all?.fileAttributes?[.type] as? FileAttributeType != .typeDirectory { found.append(name) }
  }
  return found.sorted()
}

/// Bytes that differ with `seed`, and within themselves.
func content(_ count: Int, seed: Int = 0) -> [UInt8] {
  var state = UInt64(truncatingIfNeeded: seed) &+ 0x9e37_79b9_7f4a_7c15
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}
