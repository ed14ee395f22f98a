import ImageTransfer
import Synchronization

/// Connections that are not in use, for whoever needs one: a transfer takes one, and gives it back when its response
/// was read to the end.
final class ConnectionPool: Sendable {
  private let idle = Mutex<[CurlConnection]>([])
  private let isCancelled: @Sendable () -> Bool

  /// More would only be kept open for nothing.
  private static let mostIdle = 16

  init(isCancelled: @escaping @Sendable () -> Bool) {
    self.isCancelled = isCancelled
  }

  /// Sends a request and waits for the response's head.
  func send(_ request: ClientRequest) throws -> ClientResponse {
    let connection = try idle.withLock { $0.popLast() } ?? CurlConnection(isCancelled: isCancelled)
    do {
      return ClientResponse(head: try connection.start(request), connection: connection, pool: self)
    } catch {
      if let source = connection.sourceError, !(source is ConnectionFailure) { throw source }
      throw error
    }
  }

  fileprivate func giveBack(_ connection: CurlConnection) {
    connection.end()
    idle.withLock { idle in
      if idle.count < Self.mostIdle { idle.append(connection) }
    }
  }
}

/// A response whose body is read as it comes.
final class ClientResponse: BlobReader {
  let head: ResponseHead
  private var connection: CurlConnection?
  private let pool: ConnectionPool

  fileprivate init(head: ResponseHead, connection: CurlConnection, pool: ConnectionPool) {
    self.head = head
    self.connection = connection
    self.pool = pool
  }

  /// - Throws: `ConnectionFailure`
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let connection else { return 0 }
    let count = try connection.read(into: buffer)
    if count == 0 { finish() }
    return count
  }

  /// The whole body.
  /// - Returns: nil if it has more than `limit` bytes.
  /// - Throws: `ConnectionFailure`
  func collect(upTo limit: Int) throws -> [UInt8]? {
    var bytes: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try read(into: buffer)
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else { return nil }
      bytes += buffer[..<count]
    }
  }

  /// Reads a small rest, so that the connection can serve again.
  func discard() { _ = try? collect(upTo: 64 << 10) }

  private func finish() {
    if let connection { pool.giveBack(connection) }
    connection = nil
  }
}
