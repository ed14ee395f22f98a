import Archive
import ContainerImage
import Foundation
import ImageTransfer

@testable import AppContainer

/// Archives made for a test, in memory.
enum TestImage {
  struct Item: Sendable {
    var entry: TarEntry
    var data: [UInt8] = []

    static func file(_ path: RawPath, _ content: String = "content", mode: UInt16 = 0o644) -> Item {
      Item(entry: TarEntry(path: path, kind: .file, mode: mode, modificationTime: time), data: bytes(content))
    }

    static func directory(_ path: RawPath, mode: UInt16 = 0o755) -> Item { of(.directory, path, mode: mode) }

    static func link(_ path: RawPath, to target: RawPath) -> Item { of(.symbolicLink(target: target), path) }

    static func hardLink(_ path: RawPath, to target: RawPath) -> Item { of(.hardLink(target: target), path) }

    static func of(_ kind: TarEntry.Kind, _ path: RawPath, mode: UInt16 = 0o644) -> Item {
      Item(entry: TarEntry(path: path, kind: kind, mode: mode, modificationTime: time))
    }

    private static let time = FileTime(seconds: 1_500_000_000, nanoseconds: 5)
  }

  static let manifest = #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/test"}"#

  static func archive(_ items: [Item], _ compression: Compression = .none) throws -> [UInt8] {
    let output = Output()
    let writer = try TarWriter(to: output.sink, compression: compression)
    for item in items { try writer.add(item.entry, data: item.data) }
    try writer.finish()
    return output.bytes
  }

  /// A manifest, `rootfs`, and these.
  static func aci(
    _ items: [Item] = [], manifest: String = manifest, _ compression: Compression = .none
  ) throws -> [UInt8] {
    try archive([.file("manifest", manifest), .directory("rootfs")] + items, compression)
  }

  static func items(of archive: [UInt8]) throws -> [Item] {
    let reader = try TarReader(MemoryReader(archive))
    var items: [Item] = []
    while let entry = try reader.next() {
      var data: [UInt8] = []
      try reader.forEachPiece { data += $0 }
      items.append(Item(entry: entry, data: data))
    }
    return items
  }
}

/// Collects what is written.
final class Output {
  private(set) var bytes: [UInt8] = []
  var sink: ByteSink { ByteSink { [self] in bytes += $0 } }
}

struct ToolFailed: Error {
  let command: String
  let output: String
}

/// Runs `body` with an empty directory that is removed afterwards.
func withDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let directory = URL(fileURLWithPath: "/var/tmp/kontor-appc-\(UUID())")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? TreeRemoval.remove(directory.path) }
  return try body(directory)
}

/// Runs a script of bash's.
/// - Returns: what it wrote.
@discardableResult
func shell(_ script: String, in directory: URL) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/bin/bash")
  process.arguments = ["-euo", "pipefail", "-c", script]
  process.currentDirectoryURL = directory
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  try process.run()
  let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw ToolFailed(command: script, output: output) }
  return output
}
