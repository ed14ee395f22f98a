import HTTPServer
import NIOCore
import NIOHTTP1
import Synchronization

/// Answers as a test says, and remembers how every answer went.
final class TestHandler: HTTPHandler {
  struct Finished: Sendable {
    let path: String
    let id: String
    let outcome: ResponseOutcome
  }

  private let respond: @Sendable (HTTPRequest) -> HTTPAnswer
  private let outcomes = Mutex<[Finished]>([])

  init(_ respond: @escaping @Sendable (HTTPRequest) -> HTTPAnswer) {
    self.respond = respond
  }

  var finished: [Finished] { outcomes.withLock { $0 } }

  /// The outcome of the first request that ended.
  func firstOutcome() async throws -> ResponseOutcome {
    try await eventually("a request ended") { !finished.isEmpty }
    return finished[0].outcome
  }

  func answer(_ request: HTTPRequest) -> HTTPAnswer { respond(request) }

  func answer(malformed: MalformedRequest) -> HTTPResponse {
    .text(malformed.reason, status: malformed.status)
  }

  func finished(_ request: HTTPRequest, outcome: ResponseOutcome) {
    outcomes.withLock { $0.append(Finished(path: request.path, id: request.id, outcome: outcome)) }
  }
}

/// Answers for tests that need no answer of their own.
@Sendable func standardRoutes(_ request: HTTPRequest) -> HTTPAnswer {
  switch request.path {
  case "/fixed":
    .response(.text("hello"))
  case "/target":
    .response(.text("\(request.method) \(request.path) \(request.query)"))
  case "/echo":
    .deferred {
      do {
        return HTTPResponse(status: .ok, body: .bytes(try await request.body.collect(upTo: 64 << 20)))
      } catch {
        return .text("\(error)", status: .badRequest)
      }
    }
  case "/count":
    .deferred {
      do {
        var count = 0
        while let piece = try await request.body.next() { count += piece.readableBytes }
        return .text("\(count)")
      } catch {
        return .text("\(error)", status: .badRequest)
      }
    }
  case "/refuse":
    // The body is not read.
    .response(.text("no", status: .forbidden))
  default:
    .response(.text("nothing at \(request.path)", status: .notFound))
  }
}

extension HTTPResponse {
  static func text(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: ["Content-Type": "text/plain"], body: .bytes(ByteBuffer(string: text)))
  }
}
