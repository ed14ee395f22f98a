import ContainerImage
import HTTPServer
import Logging
import NIOHTTP1
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Who changed what, and who was not let do what: a line of JSON for each, at the end of a file that is only ever appended to.
///
/// What only reads and is allowed is not in it, nor are the steps of an upload before its end.
public final class AuditLog: Sendable {
  public struct Configuration: Sendable {
    public var path: String
    /// Bytes after which a new file is begun; 0 for never.
    public var largestFile: Int64
    /// Former files that stay, as `<path>.1`, which is the newest, and so on.
    public var keptFiles: Int

    public init(path: String, largestFile: Int64, keptFiles: Int) {
      self.path = path
      self.largestFile = largestFile
      self.keptFiles = keptFiles
    }
  }

  /// The file cannot be opened; in words for the operator.
  public struct Unusable: Error, CustomStringConvertible {
    public let description: String
  }

  private struct State {
    var descriptor: CInt
    var size: Int64
  }

  private let configuration: Configuration
  private let logger: Logger
  private let state: Mutex<State>

  public init(_ configuration: Configuration, logger: Logger) throws(Unusable) {
    self.configuration = configuration
    self.logger = logger
    state = Mutex(try Self.opened(configuration.path))
  }

  deinit { close(state.withLock(\.descriptor)) }

  /// Begins the file anew if somebody has moved it.
  public func reopen() throws(Unusable) {
    let opened = try Self.opened(configuration.path)
    state.withLock { state in
      close(state.descriptor)
      state = opened
    }
  }

  func record(_ request: HTTPRequest, _ outcome: ResponseOutcome) {
    guard Self.isToBeRecorded(request, outcome.status.code) else { return }
    var json = JSONText()
    json.object { json in
      json.member("time", Timestamp.now())
      json.member("request", request.id)
      json.member("remote", request.remoteAddress)
      json.member("user", request.sender ?? "")
      json.member("method", request.method.rawValue)
      json.member("target", request.target)
      if let repository = (try? Route(path: request.path))?.repository {
        json.member("repository", repository.description)
      }
      json.member("status", Int64(outcome.status.code))
    }
    write(String(buffer: json.buffer))
  }

  /// What an operator did beside the API.
  func record(command: String, of subject: String) {
    var json = JSONText()
    json.object { json in
      json.member("time", Timestamp.now())
      json.member("user", "operator")
      json.member("command", command)
      json.member("subject", subject)
    }
    write(String(buffer: json.buffer))
  }

  private static func isToBeRecorded(_ request: HTTPRequest, _ status: UInt) -> Bool {
    if status == 403 || status == 429 { return true }
    if status == 401 {
      // Without credentials it is the question who asks, which many clients wait for.
      return request.headers.contains(name: "authorization") || ![.GET, .HEAD].contains(request.method)
    }
    switch request.method {
    case .GET, .HEAD, .OPTIONS: return false
    // A session begins, or goes on.
    case .POST, .PATCH: return status != 202 && request.path != "/token"
    default: return true
    }
  }

  private func write(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    state.withLock { state in
      if configuration.largestFile > 0, state.size > 0,
        state.size + Int64(bytes.count) > configuration.largestFile
      {
        rotate(&state)
      }
      // One write a line, at the end of whatever is there: lines of several processes do not mix either.
      let count = bytes.withUnsafeBytes { Glibc.write(state.descriptor, $0.baseAddress, $0.count) }
      state.size += Int64(max(count, 0))
      if count != bytes.count {
        logger.error("the audit log cannot be written", metadata: ["line": "\(line)"])
      }
    }
  }

  /// A file that cannot be begun leaves the former one in use.
  private func rotate(_ state: inout State) {
    let path = configuration.path
    for number in stride(from: configuration.keptFiles, to: 0, by: -1) {
      rename(number == 1 ? path : "\(path).\(number - 1)", "\(path).\(number)")
    }
    if configuration.keptFiles == 0 { unlink(path) }
    guard let opened = try? Self.opened(path) else { return }
    close(state.descriptor)
    state = opened
  }

  private static func opened(_ path: String) throws(Unusable) -> State {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw Unusable(description: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
    return State(descriptor: descriptor, size: Int64(status.st_size))
  }
}
