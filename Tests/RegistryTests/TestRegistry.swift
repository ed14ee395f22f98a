import ContainerImage
import Foundation
import Logging
import NIOCore
import Registry
import Storage
import Synchronization

let app = try! RepositoryName(parsing: "library/app")
let other = try! RepositoryName(parsing: "library/other")

/// Runs `body` with a registry on a data directory of its own, which is removed afterwards.
func withRegistry(
  _ configuration: Registry.Configuration = .init(), _ body: (Registry) async throws -> Void
) async throws {
  let path = FileManager.default.temporaryDirectory.appending(path: "kontor-registry-\(UUID())").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  try await body(
    Registry(
      store: ContentStore(path: path, logger: logger), configuration: configuration, logger: logger))
}

/// A request's body that comes in pieces, and breaks off with `failure` if there is one.
func body(_ pieces: [UInt8]..., failure: (any Error & Sendable)? = nil) -> UploadContent {
  let source = BodySource(pieces: pieces, failure: failure)
  return UploadContent(next: { try source.next() })
}

private final class BodySource: Sendable {
  private let pieces: Mutex<[[UInt8]]>
  private let failure: (any Error & Sendable)?

  init(pieces: [[UInt8]], failure: (any Error & Sendable)?) {
    self.pieces = Mutex(pieces)
    self.failure = failure
  }

  func next() throws -> ByteBuffer? {
    let piece = pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    if piece == nil, let failure { throw failure }
    return piece.map { ByteBuffer(bytes: $0) }
  }
}

extension Registry {
  @discardableResult
  func push(_ bytes: [UInt8], to repository: RepositoryName = app) async throws -> Digest {
    let digest = Digest(hashing: bytes)
    _ = try await uploadAtOnce(to: repository, as: digest, content: body(bytes))
    return digest
  }

  /// Pushes a manifest under the type that it states itself.
  @discardableResult
  func push(manifest json: String, as reference: String, to repository: RepositoryName = app) async throws
    -> Digest
  {
    try await pushManifest(
      ByteBuffer(string: json), contentType: nil, as: ManifestReference(parsing: reference), tags: [],
      in: repository
    ).digest
  }

  /// What a client gets that pulls the blob; nil if the repository has none such.
  func pull(_ digest: Digest, from repository: RepositoryName = app) throws -> [UInt8]? {
    guard let blob = try blob(digest, in: repository) else { return nil }
    return try Array(
      FileHandle(fileDescriptor: blob.descriptor, closeOnDealloc: true).readToEnd() ?? Data())
  }
}

func image(_ blobs: [Digest]) -> String {
  let descriptors = blobs.map { #"{"mediaType":"application/octet-stream","digest":"\#($0)","size":1}"# }
  return #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociImageManifest)","config":\#(descriptors[0]),"#
    + #""layers":[\#(descriptors.dropFirst().joined(separator: ","))]}"#
}

/// An index of manifests, each with a platform such as `linux/amd64`.
func index(_ manifests: [(Digest, platform: String?)]) -> String {
  let list = manifests.map { digest, platform in
    let parts = platform?.split(separator: "/") ?? []
    let text = parts.count == 2 ? #","platform":{"os":"\#(parts[0])","architecture":"\#(parts[1])"}"# : ""
    return #"{"mediaType":"\#(MediaType.ociImageManifest)","digest":"\#(digest)","size":1\#(text)}"#
  }
  return #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociImageIndex)","#
    + #""manifests":[\#(list.joined(separator: ","))]}"#
}
