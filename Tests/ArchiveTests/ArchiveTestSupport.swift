import CArchive
import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Archive

/// Runs `body` with the path of an empty directory that is removed afterwards, also when `body` throws.
func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let path = "/var/tmp/kontor-archive-\(UUID())"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? TreeRemoval.remove(path) }
  return try body(path)
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Bytes that no compression makes much smaller, the same ones each time.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

/// Gives bytes in pieces that a network might.
final class PiecewiseReader: BlobReader {
  private let bytes: [UInt8]
  private var position = 0
  private let piece: Int

  init(_ bytes: [UInt8], piece: Int) {
    self.bytes = bytes
    self.piece = piece
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, bytes.count - position, piece)
    buffer.copyBytes(from: bytes[position..<(position + count)])
    position += count
    return count
  }
}

extension BlobReader {
  func readAll() throws -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 100_000)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try read(into: $0) }
      if count == 0 { return all }
      all += buffer[..<count]
    }
  }
}

/// Collects what is written.
final class Collector {
  private(set) var bytes: [UInt8] = []
  var sink: ByteSink { ByteSink { [self] in bytes += $0 } }
}

func compress(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
  let collector = Collector()
  let writer = try CompressingWriter(compression, to: collector.sink)
  try bytes.withUnsafeBytes { try writer.write($0) }
  try writer.finish()
  return collector.bytes
}

/// An entry and its data.
struct Item: Sendable {
  var entry: TarEntry
  var data: [UInt8] = []

  static func file(
    _ path: RawPath, _ content: String = "content", mode: UInt16 = 0o644, attributes: [RawPath: [UInt8]] = [:]
  ) -> Item {
    Item(
      entry: TarEntry(
        path: path, kind: .file, mode: mode, modificationTime: time, extendedAttributes: attributes),
      data: bytes(content))
  }

  static func directory(_ path: RawPath, mode: UInt16 = 0o755) -> Item {
    Item(entry: TarEntry(path: path, kind: .directory, mode: mode, modificationTime: time))
  }

  static func link(_ path: RawPath, to target: RawPath) -> Item {
    Item(
      entry: TarEntry(
        path: path, kind: .symbolicLink(target: target), mode: 0o777, modificationTime: time))
  }

  static func hardLink(_ path: RawPath, to target: RawPath) -> Item {
    Item(entry: TarEntry(path: path, kind: .hardLink(target: target), mode: 0o644, modificationTime: time))
  }

  static func whiteout(_ path: RawPath) -> Item { .file(path, "") }

  static func of(_ kind: TarEntry.Kind, _ path: RawPath, mode: UInt16 = 0o600) -> Item {
    Item(entry: TarEntry(path: path, kind: kind, mode: mode, modificationTime: time))
  }

  static let time = FileTime(seconds: 1_500_000_000, nanoseconds: 123_456_789)
}

func layer(_ items: [Item], _ compression: Compression = .none) throws -> [UInt8] {
  let collector = Collector()
  let writer = try TarWriter(to: collector.sink, compression: compression)
  for item in items { try writer.add(item.entry, data: item.data) }
  try writer.finish()
  return collector.bytes
}

/// Unpacks layers, each with the DiffID that it has.
@discardableResult
func unpack(
  _ layers: [[Item]], into root: String, options: UnpackOptions = UnpackOptions()
) throws -> UnpackReport {
  let unpacker = try LayerUnpacker(root: root, options: options)
  for items in layers {
    let bytes = try layer(items)
    try unpacker.apply(MemoryReader(bytes), diffID: Digest(hashing: bytes))
  }
  return try unpacker.finish()
}

/// What is to be known of a file without following it.
func status(_ path: String) throws -> stat {
  var status = stat()
  guard lstat(path, &status) == 0 else { throw ArchiveError.system(errno, "look at \(path)") }
  return status
}

func exists(_ path: String) -> Bool { (try? status(path)) != nil }

func content(_ path: String) throws -> String {
  String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
}

func attribute(_ name: String, of path: String) -> [UInt8]? {
  var value = [UInt8](repeating: 0, count: 4096)
  let count = lgetxattr(path, name, &value, value.count)
  return count < 0 ? nil : Array(value[..<count])
}

/// All that can be seen of a tree, a line for each file. With `changes`, also when anything of a file was last changed.
func describe(_ root: String, changes: Bool = false) throws -> [String] {
  var lines: [String] = []
  var firstPaths: [UInt64: String] = [:]
  func add(_ path: String, _ shown: String) throws {
    let status = try status(path)
    let type = status.st_mode & S_IFMT
    var line = "\(shown) \(String(status.st_mode, radix: 8)) \(status.st_uid):\(status.st_gid)"
    line += " \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    if changes { line += " \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec) \(status.st_nlink)" }
    if type == S_IFCHR || type == S_IFBLK { line += " device \(status.st_rdev)" }
    if type == S_IFLNK { line += " -> \(try FileManager.default.destinationOfSymbolicLink(atPath: path))" }
    if type == S_IFREG {
      line += " \(status.st_size) \(Digest(hashing: Array(try Data(contentsOf: URL(fileURLWithPath: path)))))"
    }
    if type != S_IFDIR, status.st_nlink > 1 {
      line += " = \(firstPaths[UInt64(status.st_ino), default: shown])"
      firstPaths[UInt64(status.st_ino)] = firstPaths[UInt64(status.st_ino)] ?? shown
    }
    let directory = try DirectoryHandle(path: (path as NSString).deletingLastPathComponent)
    let name = RawPath((path as NSString).lastPathComponent)
    for (name, value) in try ExtendedAttributes.read(name, in: directory, name).sorted(by: { $0.key < $1.key }
    ) {
      line += " \(name)=\(hexadecimal(value))"
    }
    lines.append(line)
    if type == S_IFDIR {
      for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
        try add(path + "/" + name, shown + "/" + name)
      }
    }
  }
  try add(root, ".")
  return lines
}

struct ToolFailed: Error {
  let command: String
  let output: String
}

/// Runs a program of Debian's and gives what it wrote.
/// - Parameter package: which to install, for the message.
@discardableResult
func run(_ tool: String, _ arguments: String..., package: String) throws -> String {
  guard let path = ["/usr/bin/", "/bin/", "/usr/sbin/"].map({ $0 + tool }).first(where: exists) else {
    throw ToolFailed(command: tool, output: "\(tool) is missing: apt-get install \(package)")
  }
  let process = Process()
  process.executableURL = URL(fileURLWithPath: path)
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  try process.run()
  let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw ToolFailed(command: "\(tool) \(arguments.joined(separator: " "))", output: output)
  }
  return output
}
