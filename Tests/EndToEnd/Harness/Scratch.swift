import Foundation
import Synchronization

/// Temporary directories of one test run, all below one root that goes away when the run ends.
enum Scratch {
  /// The root of this run's temporary files.
  ///
  /// It is below `/var/tmp`, which is on a disk: `/tmp` may be a small tmpfs.
  static let root: String = {
    let template = "/var/tmp/kontor-e2e-XXXXXX"
    var bytes = Array(template.utf8CString)
    guard mkdtemp(&bytes) != nil else { fatalError("cannot make \(template): \(errnoText())") }
    atexit { try? FileManager.default.removeItem(atPath: Scratch.root) }
    return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }()

  private static let count = Mutex(0)

  /// Makes a new, empty directory whose name begins with `name`.
  static func directory(_ name: String) throws -> String {
    let number = count.withLock { value in
      value += 1
      return value
    }
    let path = "\(root)/\(name)-\(number)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// Runs `body` with a directory that is removed afterwards, also when `body` throws.
  static func withDirectory<Result>(
    _ name: String, _ body: (String) async throws -> Result
  ) async throws -> Result {
    let path = try directory(name)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }

  /// The text of the calling thread's `errno`.
  static func errnoText() -> String { String(cString: strerror(errno)) }
}

/// Runs `body`, then `cleanup`, also when `body` throws.
func running<Result>(
  _ body: () async throws -> Result, finally cleanup: () async -> Void
) async throws -> Result {
  do {
    let result = try await body()
    await cleanup()
    return result
  } catch {
    await cleanup()
    throw error
  }
}
