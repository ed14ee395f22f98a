import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry

extension RegistryHandler {
  /// The repository's tags as the registry signs them. Only another version is sent to a client that has one.
  func signedTags(_ request: HTTPRequest, _ repository: RepositoryName) throws(WireError) -> HTTPAnswer {
    guard let tagLists else {
      throw WireError(.notFound, .unsupported, "this registry signs no lists of tags")
    }
    return deferred(request) {
      let list = try await tagLists.list(of: repository)
      let tag = "\"\(list.version)\""
      let headers: HTTPHeaders = [
        "Content-Type": TagListSigning.mediaType.description, "ETag": tag, "Cache-Control": "no-cache",
        "Docker-Distribution-API-Version": "registry/2.0",
      ]
      if ConditionalRequest.isNotModified(request.headers, entityTag: tag) {
        return HTTPResponse(status: .notModified, headers: headers)
      }
      return HTTPResponse(status: .ok, headers: headers, body: .bytes(list.content))
    }
  }
}
