import ContainerImage
import Foundation
import ImageTransfer
import Synchronization
import Testing

@testable import Runtimes

/// An image in memory whose blobs can be wrong, or break off.
private final class MemoryImage: ImageSource {
  let blobs: [Digest: [UInt8]]
  let manifests: [Digest: ManifestDocument]
  let top: ManifestDocument
  /// Of a blob: bytes that are given instead of its own.
  let replaced = Mutex<[Digest: [UInt8]]>([:])
  /// Of a blob: after how many bytes reading it fails.
  let breaks = Mutex<[Digest: Int]>([:])
  /// From where each read began.
  let offsets = Mutex<[Int64]>([])

  /// An image with a config and layers; for several platforms an index of such images.
  init(layers: [[UInt8]], platforms: [String] = []) throws {
    var blobs: [Digest: [UInt8]] = [:]
    var manifests: [Digest: ManifestDocument] = [:]
    func descriptor(_ bytes: [UInt8], _ type: String) -> String {
      let digest = Digest(hashing: bytes)
      blobs[digest] = bytes
      return #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(bytes.count)}"#
    }
    func image(_ platform: String) throws -> ManifestDocument {
      let config = Array(
        #"{"os":"linux","architecture":"\#(platform)","rootfs":{"type":"layers","diff_ids":[]}}"#.utf8)
      let list = layers.map { descriptor($0, "application/vnd.oci.image.layer.v1.tar") }.joined(
        separator: ",")
      let text =
        #"{"schemaVersion":2,"config":\#(descriptor(config, "\(MediaType.ociImageConfig)")),"layers":[\#(list)]}"#
      let document = try ManifestDocument(Array(text.utf8), mediaType: .ociImageManifest)
      manifests[document.digest] = document
      return document
    }
    if platforms.isEmpty {
      top = try image("amd64")
    } else {
      let entries = try platforms.map { platform -> String in
        let document = try image(platform)
        return #"{"mediaType":"\#(document.mediaType)","digest":"\#(document.digest)","#
          + #""size":\#(document.bytes.count),"platform":{"os":"linux","architecture":"\#(platform)"}}"#
      }
      top = try ManifestDocument(
        Array(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#.utf8),
        mediaType: .ociImageIndex)
      manifests[top.digest] = top
    }
    self.blobs = blobs
    self.manifests = manifests
  }

  func root() throws -> ManifestDocument { top }

  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    guard let found = manifests[descriptor.digest] else {
      throw TransferError.notFound("\(descriptor.digest)")
    }
    return found
  }

  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    offsets.withLock { $0.append(offset) }
    let bytes = replaced.withLock { $0[descriptor.digest] } ?? blobs[descriptor.digest] ?? []
    return Reader(bytes, from: Int(offset), breakingAt: breaks.withLock { $0[descriptor.digest] })
  }

  private final class Reader: BlobReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int?

    init(_ bytes: [UInt8], from offset: Int, breakingAt end: Int?) {
      self.bytes = bytes
      position = offset
      self.end = end
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      if let end, position >= end { throw TransferError.failed("the connection broke") }
      let count = min(10_000, buffer.count, (end ?? bytes.count) - position)
      buffer.copyBytes(from: bytes[position..<(position + count)])
      position += count
      return count
    }
  }
}

@Suite("OCI layouts and the copy")
struct LayoutTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = "/var/tmp/kontor-layout-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  private func content(_ count: Int, _ seed: UInt8 = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) ^ seed }
  }

  private func copy(
    _ source: MemoryImage, to path: String, name: String? = "v1",
    _ change: (inout ImageCopier.Options) -> Void = { _ in }
  ) throws -> ImageCopier.Report {
    var options = ImageCopier.Options()
    change(&options)
    return try ImageCopier(
      from: source, to: try LayoutDestination(OCILayout(path: path), name: name), options
    ).copy()
  }

  private func files(_ path: String) -> [String] {
    (FileManager.default.subpaths(atPath: path) ?? []).sorted()
  }

  @Test func aCopyIsWholeAndFoundByItsName() throws {
    try withDirectory { path in
      let image = try MemoryImage(layers: [content(100_000), content(0), content(1, 9)])
      let report = try copy(image, to: path)
      #expect(report.blobs == 4 && report.root.digest == image.top.digest)
      let source = LayoutSource(OCILayout(path: path), name: "v1")
      let got1 = try source.root()
      #expect(got1 == image.top)
      for (digest, bytes) in image.blobs {
        let file = "\(path)/blobs/sha256/\(digest.encoded)"
        let got2 = try Array(Data(contentsOf: URL(filePath: file)))
        #expect(got2 == bytes)
      }
      #expect(!files(path).contains { $0.contains("partial") || $0.contains("tmp") })
      let again = try copy(image, to: path)
      #expect(again.blobs == 0 && again.present == 4)
    }
  }

  @Test func aCopyThatBreaksOffGoesOnWhereItStopped() throws {
    try withDirectory { path in
      let image = try MemoryImage(layers: [content(300_000)])
      let layer = Digest(hashing: content(300_000))
      image.breaks.withLock { $0[layer] = 123_000 }
      #expect(throws: TransferError.self) { try copy(image, to: path) }
      let got3 = try OCILayout(path: path).entries()
      #expect(got3 == [])
      #expect(!files(path).contains("blobs/sha256/\(layer.encoded)"))

      image.breaks.withLock { $0 = [:] }
      image.offsets.withLock { $0 = [] }
      _ = try copy(image, to: path)
      #expect(image.offsets.withLock { $0 }.contains(123_000))
      #expect(
        try Array(Data(contentsOf: URL(filePath: "\(path)/blobs/sha256/\(layer.encoded)")))
          == content(300_000))
      #expect(!files(path).contains(".kontor-partial"))
    }
  }

  @Test(arguments: [[], [1], [UInt8](repeating: 3, count: 300_001)] as [[UInt8]])
  func wrongContentIsRefusedAndNothingOfItStays(wrong: [UInt8]) throws {
    try withDirectory { path in
      let image = try MemoryImage(layers: [content(300_000)])
      let layer = Digest(hashing: content(300_000))
      image.replaced.withLock { $0[layer] = wrong }
      let error = #expect(throws: TransferError.self) { try copy(image, to: path) }
      guard case .wrongContent(layer, _)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(!files(path).contains { $0.contains(layer.encoded) })
      image.replaced.withLock { $0 = [:] }
      _ = try copy(image, to: path)
    }
  }

  @Test func aPartThatIsWrongIsNotGoneOnWith() throws {
    try withDirectory { path in
      let image = try MemoryImage(layers: [content(300_000)])
      let layer = Digest(hashing: content(300_000))
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      _ = try copy(try MemoryImage(layers: []), to: path, name: "other")
      let partial = "\(path)/.kontor-partial"
      try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
      try Data(repeating: 0, count: 1000).write(to: URL(filePath: "\(partial)/\(layer.encoded)"))
      #expect(throws: TransferError.self) { try copy(image, to: path) }
      _ = try copy(image, to: path)
    }
  }

  @Test func namesAreMovedAndOthersAreKeptAsTheyAre() throws {
    try withDirectory { path in
      let (first, second) = (try MemoryImage(layers: [content(10)]), try MemoryImage(layers: [content(20)]))
      _ = try copy(first, to: path, name: "a")
      let index = "\(path)/index.json"
      let known = try String(contentsOfFile: index, encoding: .utf8).replacing(
        #""annotations":{"#, with: #""platform":{"os":"linux","os.version":"7"},"annotations":{"extra":"1","#)
      try known.write(toFile: index, atomically: true, encoding: .utf8)
      _ = try copy(second, to: path, name: "b")
      _ = try copy(first, to: path, name: "b")
      let text = try String(contentsOfFile: index, encoding: .utf8)
      #expect(text.contains(#""os.version":"7""#) && text.contains(#""extra":"1""#))
      let layout = OCILayout(path: path)
      let got4 = try layout.entries().count
      #expect(got4 == 2)
      let got5 = try layout.entry(named: "b").digest
      #expect(got5 == first.top.digest)
      let error = #expect(throws: TransferError.self) { try layout.entry(named: nil) }
      #expect("\(error.map { "\($0)" } ?? "")".contains("a, b"))
    }
  }

  @Test func copiesAtOnceLoseNoName() async throws {
    let path = "/var/tmp/kontor-layout-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let shared = content(200_000)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          _ = try copy(
            try MemoryImage(layers: [shared, content(100, UInt8(number))]), to: path, name: "n\(number)")
        }
      }
      try await group.waitForAll()
    }
    let got6 = try OCILayout(path: path).entries().count
    #expect(got6 == 8)
  }

  @Test func aDirectoryOfSomethingElseIsLeftAlone() throws {
    try withDirectory { path in
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: URL(filePath: "\(path)/file"))
      let error = #expect(throws: TransferError.self) { try copy(try MemoryImage(layers: []), to: path) }
      guard case .exists? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(files(path) == ["file"])
    }
  }

  @Test func ofAnIndexOnePlatformOrAllAreTaken() throws {
    let image = try MemoryImage(layers: [content(10)], platforms: ["amd64", "arm64"])
    try withDirectory { path in
      let got7 = try copy(image, to: path).manifests
      #expect(got7 == 3)
      let got8 = try OCILayout(path: path).entry(named: "v1").digest
      #expect(got8 == image.top.digest)
    }
    try withDirectory { path in
      let report = try copy(image, to: path) { $0.platform = Platform(os: "linux", architecture: "arm64") }
      #expect(report.manifests == 1 && report.root.mediaType == .ociImageManifest)
    }
    try withDirectory { path in
      let error = #expect(throws: TransferError.self) {
        try copy(image, to: path) { $0.platform = Platform(os: "linux", architecture: "s390x") }
      }
      guard case .notFound(let reason)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("linux/amd64, linux/arm64"))
      #expect(files(path) == [])
    }
  }

  @Test func aCopyThatIsStoppedLeavesNoImage() throws {
    try withDirectory { path in
      let image = try MemoryImage(layers: [content(500_000)])
      let asked = Mutex(0)
      let copier = ImageCopier(
        from: image, to: try LayoutDestination(OCILayout(path: path), name: "v1"),
        isCancelled: {
          asked.withLock { asked in
            asked += 1
            return asked > 20
          }
        })
      let error = #expect(throws: TransferError.self) { try copier.copy() }
      guard case .cancelled? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      let got9 = try OCILayout(path: path).entries()
      #expect(got9 == [])
    }
  }
}
