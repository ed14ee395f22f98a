import Logging
import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// Writes log messages to standard error, a line each, as text or JSON.
public struct StandardErrorLog: LogHandler {
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  private let format: LogFormat

  public init(level: Logger.Level, format: LogFormat) {
    self.logLevel = level
    self.format = format
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let line: String
    switch format {
    case .text:
      line =
        "\(Timestamp.now()) \(event.level) \("\(event.message)".escapedForLog)"
        + fields.map { " \($0.key)=\"\("\($0.value)".escapedForLog)\"" }.joined() + "\n"
    case .json:
      var json = JSONText()
      json.object { json in
        json.member("time", Timestamp.now())
        json.member("level", event.level.rawValue)
        json.member("message", "\(event.message)")
        for (key, value) in fields { json.member(key, "\(value)") }
      }
      line = String(buffer: json.buffer) + "\n"
    }
    // One write a line: lines of several threads do not mix.
    _ = Array(line.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
