import Foundation
import ImageTransfer
import Testing

@testable import Archive

@Suite struct LimitTests {
  /// Zeros, as if without end, in a file of a tar archive.
  private func bomb(_ compression: Compression, megabytes: Int) throws -> [UInt8] {
    let collector = Collector()
    let writer = try TarWriter(to: collector.sink, compression: compression)
    var entry = TarEntry(path: "zeros", kind: .file, mode: 0o644)
    entry.size = Int64(megabytes) << 20
    try writer.add(entry)
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    for _ in 0..<megabytes { try zeros.withUnsafeBytes { try writer.write($0) } }
    try writer.finish()
    return collector.bytes
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func aDecompressionBombStopsAtTheLimit(_ compression: Compression) throws {
    try withDirectory { directory in
      let bomb = try bomb(compression, megabytes: 200)
      #expect(bomb.count < 300_000)
      var options = UnpackOptions()
      options.limits.bytes = 20 << 20
      let unpacker = try LayerUnpacker(root: directory + "/root", options: options)
      let error = try #require(throws: ArchiveError.self) {
        try unpacker.apply(MemoryReader(bomb), diffID: nil)
      }
      #expect(error == .overLimit(.bytes(20 << 20)))
      #expect(try status(directory + "/root/zeros").st_size <= 20 << 20)
    }
  }

  @Test func theLimitIsTheWholeImages() throws {
    try withDirectory { directory in
      let blob = try bomb(.gzip, megabytes: 8)
      var options = UnpackOptions()
      options.limits.bytes = 20 << 20
      let unpacker = try LayerUnpacker(root: directory + "/root", options: options)
      try unpacker.apply(MemoryReader(blob), diffID: nil)
      try unpacker.apply(MemoryReader(blob), diffID: nil)
      #expect(throws: ArchiveError.self) { try unpacker.apply(MemoryReader(blob), diffID: nil) }
    }
  }

  @Test func whatFollowsTheArchiveCountsToo() throws {
    try withDirectory { directory in
      let blob = try compress(layer([.file("f")]) + [UInt8](repeating: 0, count: 30 << 20), .gzip)
      var options = UnpackOptions()
      options.limits.bytes = 20 << 20
      let unpacker = try LayerUnpacker(root: directory + "/root", options: options)
      #expect(throws: ArchiveError.self) { try unpacker.apply(MemoryReader(blob), diffID: nil) }
    }
  }

  @Test func entriesAndTheDirectoriesTheyAreInAreCounted() throws {
    try withDirectory { directory in
      var options = UnpackOptions()
      options.limits.entries = 10
      let files = (0..<11).map { Item.file(RawPath("\($0)")) }
      try unpack([Array(files[..<10])], into: directory + "/a", options: options)
      #expect(throws: ArchiveError.self) { try unpack([files], into: directory + "/b", options: options) }
      #expect(throws: ArchiveError.self) {
        try unpack([[.file("1/2/3/4/5/6/7/8/9/10/f")]], into: directory + "/c", options: options)
      }
    }
  }

  @Test func notesAreKeptToANumber() throws {
    try withDirectory { directory in
      let options = UnpackOptions(ownership: .mapped(userID: 0, groupID: 0), isPrivileged: false)
      let devices = (0..<1500).map { Item.of(.blockDevice(major: 1, minor: 1), RawPath("\($0)")) }
      let report = try unpack([devices], into: directory + "/root", options: options)
      #expect(report.notes.count == 1000)
      #expect(report.furtherNotes == 500)
    }
  }
}
