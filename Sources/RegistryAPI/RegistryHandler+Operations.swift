import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry

extension RegistryHandler {
  /// What operators and their tools ask for, outside of `/v2/`.
  func operations(_ request: HTTPRequest, _ caller: Caller) -> HTTPAnswer {
    guard request.method == .GET || request.method == .HEAD else {
      return .response(WireError.notAllowed(request.method, but: "GET, HEAD").response)
    }
    switch request.path {
    case "/healthz":
      // Answering at all is the whole point.
      return .response(.text(.ok, "ok\n"))
    case "/readyz":
      return deferred(request) { [registry] in
        do {
          try await registry.check()
          return .text(.ok, "ready\n")
        } catch {
          return .text(.serviceUnavailable, "not ready: \(error)\n")
        }
      }
    case "/metrics":
      return deferred(request) { [metrics, gate] in
        try gate?.checkIsAdmin(caller, request)
        return .text(.ok, try await metrics.exposition(), type: "text/plain; version=0.0.4; charset=utf-8")
      }
    case "/":
      return .response(.text(.ok, "This is a Kontor image registry. Its API is at /v2/.\n"))
    default:
      return .response(
        WireError(
          .notFound, .unsupported,
          "there is no page \(request.path.quotedForMessage); the registry's API is at /v2/"
        ).response)
    }
  }
}

extension HTTPResponse {
  static func text(
    _ status: HTTPResponseStatus, _ text: String, type: String = "text/plain; charset=utf-8"
  ) -> HTTPResponse {
    HTTPResponse(status: status, headers: ["Content-Type": type], body: .bytes(ByteBuffer(string: text)))
  }
}
