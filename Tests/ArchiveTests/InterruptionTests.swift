import ContainerImage
import Foundation
import Glibc
import ImageTransfer
import Testing

@testable import Archive

@Suite struct InterruptionTests {
  struct Stopped: Error {}

  /// Gives some bytes, then throws.
  private final class StoppingReader: BlobReader {
    private let reader: PiecewiseReader
    private var rest: Int

    init(_ bytes: [UInt8], after count: Int) {
      reader = PiecewiseReader(bytes, piece: 4096)
      rest = count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      if rest <= 0 { throw Stopped() }
      let count = reader.read(into: buffer)
      rest -= count
      return count
    }
  }

  /// The descriptors of this process that are open below `directory`.
  private func openFiles(below directory: String) -> [String] {
    (0..<4096).compactMap { descriptor in
      var target = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
      guard count > 0 else { return nil }
      let path = String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      return path.hasPrefix(directory) ? path : nil
    }
  }

  @Test(arguments: [Compression.none, .gzip, .zstd], [0, 1, 5000, 700_000])
  func whatTheReaderThrowsEndsAllAndIsPassedOn(_ compression: Compression, _ count: Int) throws {
    try withDirectory { directory in
      let items = (0..<40).map {
        Item(
          entry: TarEntry(path: RawPath("\($0)"), kind: .file, mode: 0o600),
          data: noise(50_000, seed: UInt64($0)))
      }
      let blob = try layer(items, compression)
      weak var weakReader: StoppingReader?
      do {
        let reader = StoppingReader(blob, after: count)
        weakReader = reader
        let unpacker = try LayerUnpacker(root: directory + "/root")
        #expect(throws: Stopped.self) { try unpacker.apply(reader, diffID: nil) }
      }
      // The thread had the reader too.
      #expect(weakReader == nil)
      #expect(openFiles(below: directory) == [])
    }
  }

  @Test func anEntryThatIsRefusedEndsTheThreadThatIsAhead() throws {
    try withDirectory { directory in
      let blob = try layer([.file("../evil")]) + noise(20_000_000)
      weak var weakReader: PiecewiseReader?
      do {
        let reader = PiecewiseReader(blob, piece: 100_000)
        weakReader = reader
        let unpacker = try LayerUnpacker(root: directory + "/root")
        #expect(throws: ArchiveError.self) { try unpacker.apply(reader, diffID: nil) }
      }
      #expect(weakReader == nil)
      #expect(openFiles(below: directory) == [])
    }
  }

  @Test(arguments: [Compression.none, .gzip, .zstd, .xz, .bzip2])
  func aLayerThatIsCutOffIsAnError(_ compression: Compression) throws {
    let items = (0..<20).map {
      Item(
        entry: TarEntry(path: RawPath("\($0)"), kind: .file, mode: 0o600),
        data: noise(50_000, seed: UInt64($0)))
    }
    let blob = try layer(items, compression)
    for part in [3, 2] {
      try withDirectory { directory in
        let unpacker = try LayerUnpacker(root: directory + "/root")
        let error = try #require(throws: ArchiveError.self) {
          try unpacker.apply(MemoryReader(Array(blob[..<(blob.count / part)])), diffID: nil)
        }
        guard case .damaged = error else { throw error }
      }
    }
  }

  /// The blob is read to its end, where its reader compares the digest.
  @Test(arguments: Compression.allCases)
  func aBlobWithAWrongDigestIsRefused(_ compression: Compression) throws {
    try withDirectory { directory in
      let blob = try layer([.file("f")], compression)
      // What follows the stream is the blob's too. (After zstd nothing may follow.)
      let padding = [UInt8](repeating: 0, count: compression == .zstd ? 0 : 4)
      for content in [blob, blob + padding] {
        let wrong = Descriptor(
          mediaType: MediaType("application/octet-stream"), digest: Digest(hashing: [1]),
          size: Int64(content.count))
        let unpacker = try LayerUnpacker(root: directory + "/root\(UUID())")
        #expect(throws: TransferError.self) {
          try unpacker.apply(VerifyingReader(MemoryReader(content), expecting: wrong), diffID: nil)
        }
      }
    }
  }
}
