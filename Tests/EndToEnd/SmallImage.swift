import Foundation
import Testing

/// An image of random bytes, pushed request by request where storage is about to fail.
struct SmallImage: Sendable {
  var repository = "trade/goods"
  let tag: String
  let configuration: Data
  let layers: [Data]
  let manifest: Data

  /// - Parameter layers: bytes of each layer.
  init(_ tag: String, layers sizes: [Int], _ generator: inout SeededGenerator) throws {
    self.tag = tag
    configuration = Data(#"{"created":"\#(generator.next())"}"#.utf8)
    layers = sizes.map { generator.data($0) }
    manifest = try OCILayout.Manifest(
      mediaType: OCILayout.MediaType.manifest,
      config: OCILayout.Descriptor(configuration, mediaType: OCILayout.MediaType.config),
      layers: layers.map { OCILayout.Descriptor($0, mediaType: OCILayout.MediaType.layer) }
    ).encoded()
  }

  var blobs: [Data] { [configuration] + layers }

  /// Pushes the blobs and the manifest.
  /// - Returns: the first answer that is not 201; nil if there was none.
  func push(_ http: PlainHTTP) async throws -> PlainHTTP.Response? {
    for blob in blobs {
      let answer = try await http.pushBlob(repository, blob)
      if answer.status != 201 { return answer }
    }
    let answer = try await http.pushManifest(repository, tag, manifest)
    return answer.status == 201 ? nil : answer
  }

  /// Pushes the image and requires that it is taken.
  func requirePush(_ http: PlainHTTP, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let refusal = try await push(http)
    try #require(refusal == nil, "\(tag): \(refusal.map(\.text) ?? "")", sourceLocation: sourceLocation)
  }

  /// Expects that the image can be pulled by its tag, whole.
  func expectPullable(
    _ http: PlainHTTP, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let pulled = try await http.manifest(repository, tag)
    #expect(pulled.status == 200 && pulled.body == manifest, comment, sourceLocation: sourceLocation)
    for blob in blobs {
      let pulled = try await http.blob(repository, sha256(blob))
      #expect(pulled.status == 200 && pulled.body == blob, comment, sourceLocation: sourceLocation)
    }
  }

  /// Expects that a client finds no manifest and, when `blobs` is given, none of these either, by HEAD or
  /// GET.
  func expectAbsent(
    _ http: PlainHTTP, blobs: [Data] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    for reference in [tag, sha256(manifest)] {
      let status = try await http.manifest(repository, reference).status
      #expect(status == 404, "manifest \(reference)", sourceLocation: sourceLocation)
    }
    for blob in blobs {
      try await expectNoBlob(http, repository, sha256(blob), sourceLocation: sourceLocation)
    }
  }
}

/// Expects that a client finds no such blob, whichever way it asks.
func expectNoBlob(
  _ http: PlainHTTP, _ repository: String, _ digest: String, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  for method in ["HEAD", "GET"] {
    let status = try await http.send(method, "/v2/\(repository)/blobs/\(digest)").status
    #expect(status == 404, "\(method) \(digest)", sourceLocation: sourceLocation)
  }
}

extension PlainHTTP.Response {
  /// For a failure's message.
  var text: String { "\(status) \(String(decoding: body.prefix(400), as: UTF8.self))" }

  /// Expects a refusal by a failing storage: a 5xx with the specification's error document.
  func expectStorageFailure(
    _ status: Int? = nil, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let failure: Comment = "\(comment.map { "\($0): " } ?? "")\(text)"
    let expected = status.map { $0...$0 } ?? 500...599
    #expect(expected.contains(self.status), failure, sourceLocation: sourceLocation)
    #expect(errorCodes?.isEmpty == false, comment, sourceLocation: sourceLocation)
  }
}
