#if canImport(Glibc)
  import Glibc
#endif

/// One HTTP/1.1 request over a Unix socket, and the answer to it (RFC 9112).
///
/// ```swift
/// let exchange = SocketExchange(try UnixSocket(connectedTo: path))
/// try exchange.send("GET", "/_ping")
/// let answer = try exchange.answer()
/// ```
public final class SocketExchange {
  /// What an answer begins with.
  public struct Head: Sendable {
    public let status: Int
    private let fields: [(name: String, value: String)]

    init(_ text: String) throws(LocalProgramError) {
      var lines = text.split(separator: "\r\n")
      let first = lines.isEmpty ? [] : lines.removeFirst().split(separator: " ", maxSplits: 2)
      guard first.count > 1, first[0].hasPrefix("HTTP/1."), let status = Int(first[1]) else { throw .notHTTP }
      self.status = status
      fields = lines.map { line in
        let name = line.prefix { $0 != ":" }
        return (name.lowercased(), String(line.dropFirst(name.count + 1).drop { $0 == " " }))
      }
    }

    /// The value of a field; nil if there is none.
    /// - Parameter name: in lower case.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
  }

  /// How the answer's end is known.
  private enum Framing {
    case length(Int)
    case chunk(left: Int, isFirst: Bool)
    case untilClosed
  }

  private let socket: UnixSocket
  private var framing = Framing.length(0)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
  /// What of the buffer was not taken yet.
  private var pending = 0..<0

  /// A head, or a line between chunks, that is longer is none.
  private static let longestHead = 64 << 10

  public init(_ socket: UnixSocket) { self.socket = socket }

  deinit { buffer.deallocate() }

  /// Sends a request that brings nothing.
  /// - Parameter target: path and query.
  /// - Throws: `LocalProgramError`, and what the socket's check throws.
  public func send(_ method: String, _ target: String) throws {
    try write(head(method, target) + (method == "GET" ? "" : "Content-Length: 0\r\n") + "\r\n")
  }

  /// Sends a request with a body of a size that nobody needs to know.
  /// - Parameter body: writes it. When it throws, the other side gets no end of it.
  /// - Throws: `LocalProgramError.brokenOff` if the other side wants no more, which may have answered; what `body` throws.
  public func send(
    _ method: String, _ target: String, contentType: String,
    _ body: (_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    try write(
      head(method, target) + "Content-Type: \(contentType)\r\nTransfer-Encoding: chunked\r\n\r\n")
    try body { bytes in
      if bytes.isEmpty { return }
      try self.write("\(String(bytes.count, radix: 16))\r\n")
      try self.socket.write(bytes)
      try self.write("\r\n")
    }
    try write("0\r\n\r\n")
  }

  private func head(_ method: String, _ target: String) -> String {
    "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
  }

  /// Waits for the answer.
  /// - Throws: `LocalProgramError`, and what the socket's check throws.
  public func answer() throws -> Head {
    var head: Head
    repeat {
      var lines = ""
      while true {
        let line = try line()
        if line.isEmpty { break }
        lines += line + "\r\n"
        guard lines.utf8.count <= Self.longestHead else { throw LocalProgramError.notHTTP }
      }
      head = try Head(lines)
    } while head.status < 200
    if head["transfer-encoding"]?.lowercased() == "chunked" {
      framing = .chunk(left: 0, isFirst: true)
    } else if let text = head["content-length"] {
      guard let length = Int(text), length >= 0 else { throw LocalProgramError.notHTTP }
      framing = .length(length)
    } else {
      framing = .untilClosed
    }
    return head
  }

  /// The answer's content.
  /// - Returns: how many bytes were put at the buffer's start; 0 only at the end.
  /// - Throws: `LocalProgramError.brokenOff` if it ends too early.
  public func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    switch framing {
    case .length(let left):
      let count = try take(min(left, target.count), into: target)
      framing = .length(left - count)
      return count
    case .chunk(var left, let isFirst):
      if left == 0 {
        if !isFirst, try !line().isEmpty { throw LocalProgramError.notHTTP }
        let size = try line().prefix { $0 != ";" && $0 != " " }
        guard let count = Int(size, radix: 16), count >= 0 else { throw LocalProgramError.notHTTP }
        if count == 0 {
          while try !line().isEmpty {}
          framing = .length(0)
          return 0
        }
        left = count
      }
      let count = try take(min(left, target.count), into: target)
      framing = .chunk(left: left - count, isFirst: false)
      return count
    case .untilClosed:
      if pending.isEmpty { return try socket.read(into: target) }
      return try take(target.count, into: target)
    }
  }

  /// The rest of the answer's content, in memory.
  /// - Parameter limit: bytes; what comes behind them is left out.
  public func text(atMost limit: Int) throws -> String {
    var bytes: [UInt8] = []
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 1)
    defer { piece.deallocate() }
    while bytes.count < limit {
      let count = try read(into: piece)
      if count == 0 { break }
      bytes += piece[..<min(count, limit - bytes.count)]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Bytes

  private func write(_ text: String) throws { try Array(text.utf8).withUnsafeBytes { try socket.write($0) } }

  /// - Throws: `LocalProgramError.brokenOff` at the connection's end.
  private func fill() throws {
    let count = try socket.read(into: buffer)
    guard count > 0 else { throw LocalProgramError.brokenOff }
    pending = 0..<count
  }

  /// At least one byte, unless none is wanted.
  private func take(_ wanted: Int, into target: UnsafeMutableRawBufferPointer) throws -> Int {
    guard wanted > 0 else { return 0 }
    if pending.isEmpty { try fill() }
    let count = min(wanted, pending.count)
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[pending.prefix(count)]))
    pending = (pending.lowerBound + count)..<pending.upperBound
    return count
  }

  /// A line without its end.
  private func line() throws -> String {
    var line: [UInt8] = []
    while true {
      if pending.isEmpty { try fill() }
      let piece = buffer[pending]
      if let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
        line += piece[..<end]
        pending = (end + 1)..<pending.upperBound
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
      }
      line += piece
      pending = 0..<0
      guard line.count <= Self.longestHead else { throw LocalProgramError.notHTTP }
    }
  }
}
