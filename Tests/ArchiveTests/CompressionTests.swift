import Foundation
import ImageTransfer
import Testing

@testable import Archive

@Suite struct CompressionTests {
  @Test(arguments: Compression.allCases, [0, 1, 1000, 3_000_000])
  func whatIsCompressedIsReadAgain(_ compression: Compression, _ count: Int) throws {
    let content = noise(count / 2) + [UInt8](repeating: 7, count: count - count / 2)
    let compressed = try compress(content, compression)
    let reader = try DecompressingReader(MemoryReader(compressed))
    #expect(reader.compression == compression)
    #expect(try reader.readAll() == content)
    #expect(try DecompressingReader(PiecewiseReader(compressed, piece: 7001)).readAll() == content)
  }

  @Test func compressingIsDeterministicAndGzipHasNoTime() throws {
    let content = noise(100_000)
    for compression in Compression.allCases {
      #expect(try compress(content, compression) == compress(content, compression))
    }
    #expect(try compress(content, .gzip)[4..<8] == [0, 0, 0, 0])
  }

  @Test(arguments: [
    (["gzip", "-c"], Compression.gzip, "gzip"), (["bzip2", "-c"], .bzip2, "bzip2"),
    (["xz", "-c"], .xz, "xz-utils"), (["zstd", "-qc"], .zstd, "zstd"),
  ])
  func whatDebiansToolsWriteIsRead(_ tool: [String], _ compression: Compression, _ package: String) throws {
    try withDirectory { directory in
      let content = noise(300_000)
      try Data(content).write(to: URL(fileURLWithPath: directory + "/plain"))
      try run(
        "sh", "-c", "\(tool.joined(separator: " ")) \(directory)/plain > \(directory)/compressed",
        package: package)
      let compressed = Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/compressed")))
      let reader = try DecompressingReader(MemoryReader(compressed))
      #expect(reader.compression == compression)
      #expect(try reader.readAll() == content)
    }
  }

  @Test func membersThatFollowEachOtherAreOneStream() throws {
    for compression in [Compression.gzip, .zstd, .xz, .bzip2] {
      let two = try compress(bytes("one,"), compression) + compress(bytes("two"), compression)
      #expect(try DecompressingReader(PiecewiseReader(two, piece: 3)).readAll() == bytes("one,two"))
    }
  }

  @Test func contentThatLooksCompressedIsDecompressedOnce() throws {
    for compression in [Compression.gzip, .zstd, .xz, .bzip2] {
      let inner = try compress(bytes("inner"), .gzip)
      #expect(try DecompressingReader(MemoryReader(compress(inner, compression))).readAll() == inner)
    }
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func aStreamThatIsCutOffIsDamaged(_ compression: Compression) throws {
    for (content, part) in [(noise(500_000), 2), (noise(500_000), 1), (noise(10), 2), (noise(10), 1)] {
      let compressed = try compress(content, compression)
      let count = compressed.count / part - (part == 1 ? 1 : 0)
      let error = try #require(throws: ArchiveError.self) {
        try DecompressingReader(MemoryReader(Array(compressed[..<count]))).readAll()
      }
      guard case .damaged = error else {
        Issue.record("\(compression) cut off at \(count): \(error)")
        continue
      }
    }
  }

  @Test func whatTheSourceThrowsIsPassedOn() throws {
    struct Lost: Error {}
    final class LosingReader: BlobReader {
      var start: [UInt8]
      init(_ start: [UInt8]) { self.start = start }
      func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if start.isEmpty { throw Lost() }
        buffer.copyBytes(from: start)
        defer { start = [] }
        return start.count
      }
    }
    for compression in Compression.allCases {
      for content in [noise(10), noise(500_000)] {
        let compressed = try compress(content, compression)
        let start = Array(compressed[..<min(compressed.count / 2, 100_000)])
        #expect(throws: Lost.self) { try DecompressingReader(LosingReader(start)).readAll() }
      }
      let archive = try layer([.file("f")], compression)
      #expect(throws: Lost.self) { try TarReader(LosingReader(Array(archive[..<30]))).next() }
    }
    #expect(throws: Lost.self) { try TarReader(LosingReader([])).next() }
  }

  @Test func aChangedByteOfGzipIsFoundByItsChecksum() throws {
    let compressed = try compress(noise(500_000), .gzip)
    for position in [compressed.count / 2, compressed.count - 6] {
      var changed = compressed
      changed[position] ^= 1
      let error = try #require(throws: ArchiveError.self) {
        try DecompressingReader(MemoryReader(changed)).readAll()
      }
      #expect("\(error)".contains("gzip stream cannot be decompressed"))
    }
  }

  @Test(arguments: [Compression.bzip2, .xz])
  func aChangedByteIsFoundByTheBlocksChecksum(_ compression: Compression) throws {
    let compressed = try compress(noise(1_500_000), compression)
    for position in [100, compressed.count / 2, compressed.count - 5] {
      var changed = compressed
      changed[position] ^= 1
      #expect(throws: ArchiveError.self) { try DecompressingReader(MemoryReader(changed)).readAll() }
    }
  }

  @Test func aChangedByteOfZstdIsDamage() throws {
    try withDirectory { directory in
      try Data(noise(500_000)).write(to: URL(fileURLWithPath: directory + "/plain"))
      try run("zstd", "-q", "--check", directory + "/plain", package: "zstd")
      var compressed = Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/plain.zst")))
      compressed[compressed.count / 2] ^= 1
      #expect(throws: ArchiveError.self) { try DecompressingReader(MemoryReader(compressed)).readAll() }
    }
  }

  @Test func gzipMayBePaddedWithZerosAndWithNothingElse() throws {
    let compressed = try compress(bytes("content"), .gzip)
    let padded = compressed + [UInt8](repeating: 0, count: 1000)
    #expect(try DecompressingReader(MemoryReader(padded)).readAll() == bytes("content"))
    #expect(throws: ArchiveError.damaged(entry: nil, reason: "something else follows the gzip stream")) {
      try DecompressingReader(MemoryReader(compressed + bytes("garbage"))).readAll()
    }
  }

  @Test func xzThatAsksForMuchMemoryIsRefused() throws {
    try withDirectory { directory in
      try Data(noise(1000)).write(to: URL(fileURLWithPath: directory + "/plain"))
      try run("xz", "--lzma2=dict=1GiB", directory + "/plain", package: "xz-utils")
      let compressed = Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/plain.xz")))
      let error = try #require(throws: ArchiveError.self) {
        try DecompressingReader(MemoryReader(compressed)).readAll()
      }
      guard case .tooLarge = error else { throw error }
    }
  }
}
