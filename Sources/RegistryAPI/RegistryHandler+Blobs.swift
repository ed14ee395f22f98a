import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import Storage

extension RegistryHandler {
  /// end-2, GET: the blob's file goes to the socket by the kernel.
  func getBlob(_ request: HTTPRequest, _ digest: Digest, _ repository: RepositoryName) -> HTTPAnswer {
    immediate(request) {
      guard let blob = try registry.blob(digest, in: repository) else {
        throw RegistryError.blobUnknown(digest, repository)
      }
      let file = FileBody(owning: blob.descriptor, offset: 0, length: blob.size)
      return .response(
        .representation(
          of: file, entityTag: digest.entityTag, headers: Self.headers(of: digest), for: request))
    }
  }

  /// end-2, HEAD. The client may push a manifest that relies on the answer.
  func headBlob(_ request: HTTPRequest, _ digest: Digest, _ repository: RepositoryName) -> HTTPAnswer {
    immediate(request) {
      switch try registry.presence(of: digest, in: repository) {
      case .present(let size):
        return .response(Self.head(digest, size: size, for: request))
      case .unknown:
        throw RegistryError.blobUnknown(digest, repository)
      case .needsLease:
        return deferred(request) { [registry] in
          guard let size = try await registry.lease(digest, in: repository) else {
            throw RegistryError.blobUnknown(digest, repository)
          }
          return Self.head(digest, size: size, for: request)
        }
      }
    }
  }

  /// end-10
  func deleteBlob(_ request: HTTPRequest, _ digest: Digest, _ repository: RepositoryName) -> HTTPAnswer {
    deferred(request) { [registry] in
      let references = try await registry.deleteBlob(digest, in: repository)
      var headers: HTTPHeaders = ["Docker-Content-Digest": digest.description]
      if references > 0 {
        headers.addWarning(
          "\(references) manifest(s) of this repository still refer to the deleted blob and cannot be pulled whole"
        )
      }
      return HTTPResponse(status: .accepted, headers: headers)
    }
  }

  static func headers(of digest: Digest, _ more: [(String, String)] = []) -> HTTPHeaders {
    // All at once: to add one after another costs more than the rest of an answer to HEAD.
    HTTPHeaders(
      [
        ("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", digest.description),
        // Content never changes under its digest.
        ("Cache-Control", "max-age=31536000, immutable"),
      ] + more)
  }

  static func head(_ digest: Digest, size: Int64, for request: HTTPRequest) -> HTTPResponse {
    let tag = digest.entityTag
    if ConditionalRequest.isNotModified(request.headers, entityTag: tag) {
      return HTTPResponse(status: .notModified, headers: headers(of: digest, [("ETag", tag)]))
    }
    return HTTPResponse(
      status: .ok,
      headers: headers(
        of: digest, [("ETag", tag), ("Accept-Ranges", "bytes"), ("Content-Length", String(size))]))
  }
}
