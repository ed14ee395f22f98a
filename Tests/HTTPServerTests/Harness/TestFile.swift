import Foundation
import HTTPServer

/// A directory that is gone with its value.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    // Short, for a Unix socket's path holds 107 bytes.
    path = FileManager.default.temporaryDirectory.path + "/http-\(UUID().uuidString.prefix(13))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

/// A file that tells how often it is open in this process.
final class TestFile: Sendable {
  let path: String
  let length: Int64
  private let directory: TemporaryDirectory

  convenience init(_ text: String) throws { try self.init(Array(text.utf8)) }

  init(_ bytes: [UInt8]) throws {
    directory = try TemporaryDirectory()
    path = directory.file("content")
    length = Int64(bytes.count)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// A file of zeros that takes no space.
  init(sparse length: Int64) throws {
    directory = try TemporaryDirectory()
    path = directory.file("content")
    self.length = length
    try Data().write(to: URL(fileURLWithPath: path))
    guard truncate(path, Int(length)) == 0 else { throw ClientError.system("truncate", errno: errno) }
  }

  /// The whole file, opened for one response.
  func body() -> FileBody { FileBody(owning: open(path, O_RDONLY | O_CLOEXEC), offset: 0, length: length) }

  var openDescriptors: Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.filter {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
    }.count
  }

  func isClosedEverywhere() async throws {
    try await eventually("every descriptor of the file was closed") { openDescriptors == 0 }
  }
}
