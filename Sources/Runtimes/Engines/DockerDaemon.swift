import Archive
import FoundationEssentials
import ImageTransfer
import LocalPrograms

/// Docker's engine on this machine, by its API over its Unix socket (docs.docker.com/reference/api/engine; the paths without
/// a version are of the newest that it knows).
struct DockerDaemon: Sendable {
  private let socket: EngineSocket
  private let environment: EngineEnvironment

  /// Bytes of an answer that is no image.
  private static let longestAnswer = 1 << 20

  /// - Throws: `TransferError.failed` if `DOCKER_HOST` names another kind of place.
  init(_ environment: EngineEnvironment) throws(TransferError) {
    let host = environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock"
    guard host.hasPrefix("unix:///") else {
      throw .failed(
        "DOCKER_HOST is \(host.quotedForMessage): expected unix:///PATH, for only Docker on this machine can be reached; "
          + "another one pulls from a registry")
    }
    self.environment = environment
    socket = EngineSocket(
      path: String(host.dropFirst("unix://".count)), engine: "Docker",
      ifAbsent: "start it, as with 'systemctl start docker', or name its socket in DOCKER_HOST",
      ifDenied: "use kontor as root or as a member of the group docker")
  }

  /// - Throws: `TransferError` unless there is a Docker that answers.
  func check() throws {
    let (exchange, status) = try ask { try $0.send("GET", "/_ping") }
    guard status == 200 else { throw try failure(exchange, status) }
  }

  /// Loads an archive as `docker save` writes them. Its names mean its images when this returns.
  /// - Throws: `TransferError`, and what `body` throws; then Docker got no end of the archive, and takes nothing of it.
  func load(_ body: (TarWriter) throws -> Void) throws {
    let (exchange, status) = try ask { exchange in
      try exchange.send("POST", "/images/load?quiet=1", contentType: "application/x-tar") { write in
        let writer = try TarWriter(to: ByteSink(write))
        try body(writer)
        try writer.finish()
      }
    }
    guard status == 200 else { throw try failure(exchange, status) }
    // The status was sent before the archive was read: what became of it is in the messages behind.
    for line in try reporting({ try exchange.text(atMost: Self.longestAnswer) }).split(
      whereSeparator: \.isNewline)
    {
      if let reason = Self.error(in: line) {
        throw TransferError.failed("Docker did not take the image: \(reason)")
      }
    }
  }

  /// Has `body` read an image as `docker save` writes it.
  /// - Throws: `TransferError.notFound` if there is no such image; what `body` throws.
  func save(_ name: String, _ body: (any BlobReader) throws -> Void) throws {
    let (exchange, status) = try ask { try $0.send("GET", "/images/\(name)/get") }
    if status == 404 {
      throw TransferError.notFound("Docker has no image \(name): 'docker images' lists those that it has")
    }
    guard status == 200 else { throw try failure(exchange, status) }
    try reporting {
      try body(exchange)
      // What comes behind the archive's end.
      try exchange.forEachPiece { _ in }
    }
  }

  private func ask(_ request: (SocketExchange) throws -> Void) throws -> (SocketExchange, status: Int) {
    let exchange = SocketExchange(try socket.connect(environment))
    return try reporting {
      do {
        try request(exchange)
      } catch LocalProgramError.brokenOff {
        // It wants no more: it may have said why.
      }
      return (exchange, try exchange.answer().status)
    }
  }

  private func reporting<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as LocalProgramError {
      throw TransferError.failed("Docker at \(socket.path) broke off (\(error)): see its log")
    }
  }

  private func failure(_ exchange: SocketExchange, _ status: Int) throws -> TransferError {
    let text = try reporting { try exchange.text(atMost: Self.longestAnswer) }
    return .failed("Docker at \(socket.path) says \(status): \(Self.error(in: text[...]) ?? text)")
  }

  /// The error that a message of Docker's speaks of.
  private static func error(in line: Substring) -> String? {
    struct Message: Decodable {
      struct Detail: Decodable { var message: String? }
      var message: String?
      var error: String?
      var errorDetail: Detail?
    }
    let message = try? JSONDecoder().decode(Message.self, from: Data(line.utf8))
    return message?.errorDetail?.message ?? message?.error ?? message?.message
  }
}

extension SocketExchange: BlobReader {}
