import HTTPServer
import Synchronization

/// How many connections a server has: for metrics, which are made before the server that counts.
final class ConnectionCount: Sendable {
  private let server = Mutex<HTTPServer?>(nil)

  var now: Int { server.withLock { $0?.openConnections ?? 0 } }

  func watch(_ server: HTTPServer) { self.server.withLock { $0 = server } }
}
