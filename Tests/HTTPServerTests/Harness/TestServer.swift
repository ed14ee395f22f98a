import HTTPServer
import Logging
import NIOCore
import Testing

/// A server on a port of the kernel's choice, and the handler that it asks.
struct TestServer: Sendable {
  let server: HTTPServer
  let handler: TestHandler

  var address: ListenAddress { server.boundAddresses[0] }

  var port: Int {
    guard case .tcp(_, let port) = address else { return 0 }
    return port
  }

  func connect() async throws -> Client { try await Client(to: address) }

  /// The answer to one request on a connection of its own.
  func answer(to request: String, isHead: Bool = false) async throws -> Response {
    let client = try await connect()
    defer { client.close() }
    try await client.send(request)
    return try await client.response(isHead: isHead)
  }
}

/// Runs a server while `body` runs. Whatever a test did to it, no connection may be left when it has stopped.
func withServer(
  _ respond: @escaping @Sendable (HTTPRequest) -> HTTPAnswer = standardRoutes,
  address: ListenAddress = .tcp(host: "127.0.0.1", port: 0), tls: TLSFiles? = nil,
  configure: (inout HTTPServerConfiguration) -> Void = { _ in },
  body: (TestServer) async throws -> Void
) async throws {
  var configuration = HTTPServerConfiguration(addresses: [address], tls: tls, threads: 2)
  // A test that fails with a response under way should not hold up the others for long.
  configuration.shutdownTimeout = .seconds(2)
  configure(&configuration)
  let handler = TestHandler(respond)
  let server = try await HTTPServer.start(configuration: configuration, handler: handler, logger: quietLogger)
  do {
    try await body(TestServer(server: server, handler: handler))
  } catch {
    await server.shutdown()
    throw error
  }
  await server.shutdown()
  #expect(server.openConnections == 0)
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
