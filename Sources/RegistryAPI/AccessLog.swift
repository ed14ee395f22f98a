import Dispatch
import HTTPServer
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A line for every request on standard output: who, what, how it ended, how much, how long, and the request's
/// id, which the error log names too.
///
/// Lines are gathered and written together by another thread, so that a slow terminal or pipe never holds up
/// an event loop; when more wait than fit, lines are dropped and the loss is written down.
public final class AccessLog: Sendable {
  private struct Pending {
    var bytes: [UInt8] = []
    var dropped = 0
    var isScheduled = false
  }

  private let format: LogFormat
  private let descriptor: CInt
  private let pending = Mutex(Pending())
  private let queue = DispatchQueue(label: "kontor.access-log")

  /// Bytes that may wait for a slow reader.
  private static let capacity = 4 << 20

  public init(format: LogFormat, descriptor: CInt = STDOUT_FILENO) {
    self.format = format
    self.descriptor = descriptor
  }

  func record(_ request: HTTPRequest, _ outcome: ResponseOutcome) {
    let line = line(request, outcome)
    let mustSchedule = pending.withLock { pending in
      guard pending.bytes.count < Self.capacity else {
        pending.dropped += 1
        return false
      }
      pending.bytes.append(contentsOf: line.utf8)
      defer { pending.isScheduled = true }
      return !pending.isScheduled
    }
    if mustSchedule { queue.asyncAfter(deadline: .now() + .milliseconds(50)) { self.flush() } }
  }

  /// Writes what waits, now.
  public func flush() {
    let (bytes, dropped) = pending.withLock { pending in
      defer { pending = Pending() }
      return (pending.bytes, pending.dropped)
    }
    write(bytes)
    if dropped > 0 {
      write(Array("kontor: \(dropped) access log lines were dropped: the reader is too slow\n".utf8))
    }
  }

  private func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          return
        }
        rest = rest.dropFirst(count)
      }
    }
  }

  private func line(_ request: HTTPRequest, _ outcome: ResponseOutcome) -> String {
    let microseconds = outcome.duration / 1000
    switch format {
    case .text:
      return "\(Timestamp.now()) \(request.remoteAddress) \(request.method) \(request.target.escapedForLog) "
        + "\(outcome.status.code) in=\(outcome.bodyBytesReceived) out=\(outcome.bodyBytesSent) "
        + "us=\(microseconds)\(outcome.isComplete ? "" : " aborted") id=\(request.id) "
        + "\"\((request.headers.first(name: "user-agent") ?? "-").escapedForLog)\"\n"
    case .json:
      var json = JSONText()
      json.object { json in
        json.member("time", Timestamp.now())
        json.member("type", "access")
        json.member("remote", request.remoteAddress)
        json.member("method", request.method.rawValue)
        json.member("target", request.target)
        json.member("status", Int64(outcome.status.code))
        json.member("bytesIn", Int64(outcome.bodyBytesReceived))
        json.member("bytesOut", Int64(outcome.bodyBytesSent))
        json.member("microseconds", microseconds)
        json.key("complete")
        json.boolean(outcome.isComplete)
        json.member("request", request.id)
        json.member("agent", request.headers.first(name: "user-agent") ?? "")
      }
      return String(buffer: json.buffer) + "\n"
    }
  }
}

extension String {
  /// Without what would forge a second line or control a terminal.
  var escapedForLog: String {
    guard utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "\"") }) else { return self }
    return unicodeScalars.map { scalar in
      scalar.value < 0x20 || scalar.value == 0x7f || scalar == "\""
        ? "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16) : String(scalar)
    }.joined()
  }
}
