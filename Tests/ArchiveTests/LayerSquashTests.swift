import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Archive

/// Every stack is unpacked by `LayerUnpacker`, whose results are umoci's (`PeerTests`), and squashed; what tar unpacks of the
/// squashed archive must be the same tree.
@Suite struct LayerSquashTests {
  @Test(arguments: SquashStack.all)
  func theSquashedArchiveIsTheUnpackedTree(_ stack: SquashStack) throws {
    try withDirectory { directory in
      try unpack(stack.layers, into: directory + "/unpacked")
      try unpackWithTar(try squash(stack.layers), into: directory + "/squashed")
      let squashed = try describe(directory + "/squashed")
      let unpacked = try describe(directory + "/unpacked")
      #expect(squashed == unpacked)
    }
  }

  /// Random layers over a few names, so that they get in each other's way.
  @Test(arguments: 0..<100)
  func randomLayersAreSquashedAsTheyAreUnpacked(_ seed: Int) throws {
    var random = SquashStack.Random(seed: UInt64(seed))
    let layers = (0..<4).map { _ in random.layer() }
    try withDirectory { directory in
      let unpacked = Result { try unpack(layers, into: directory + "/unpacked") }
      let squashed = Result { try squash(layers) }
      switch (unpacked, squashed) {
      case (.success(let expected), .success(let archive)):
        try unpackWithTar(archive, into: directory + "/squashed")
        let tree = try describe(directory + "/squashed")
        let expectedTree = try describe(directory + "/unpacked")
        #expect(tree == expectedTree, "\(layers.map { $0.map(\.entry.path.description) })")
        #expect(expected.layers == 4)
      case (.failure(let expected), .failure(let actual)):
        #expect(expected is ArchiveError && actual is ArchiveError)
      default: Issue.record("unpacked: \(unpacked), squashed: \(squashed)")
      }
    }
  }

  @Test func theSameLayersGiveTheSameBytesHoweverTheyAreCompressed() throws {
    let layers = SquashStack.all.flatMap(\.layers)
    let plain = try squash(layers)
    #expect(try squash(layers) == plain)
    for compression in [Compression.gzip, .zstd, .xz, .bzip2] {
      #expect(try squash(layers, compression) == plain)
    }
  }

  @Test func directoriesComeFirstAndNoNameTwice() throws {
    let entries = try entries(of: squash(SquashStack.all.flatMap(\.layers), prefix: "rootfs"))
    let isDirectory = entries.map { $0.kind == .directory }
    #expect(entries.first?.path == "rootfs/")
    #expect(isDirectory == isDirectory.sorted { $0 && !$1 })
    #expect(Set(entries.map(\.path.components)).count == entries.count)
    #expect(entries.allSatisfy { $0.path.components.first == "rootfs" })
    for case .hardLink(let target) in entries.map(\.kind) { #expect(target.components.first == "rootfs") }
  }

  @Test func aSparseFileStaysOne() throws {
    let regions = [TarEntry.Region(offset: 1 << 20, length: 4096)]
    let sparse = Item(
      entry: TarEntry(path: "f", kind: .file, mode: 0o644, size: 4 << 20, regions: regions), data: noise(4096)
    )
    let archive = try squash([[sparse]])
    #expect(archive.count < 64 << 10)
    let reader = try TarReader(MemoryReader(archive))
    #expect(try reader.next()?.kind == .directory)
    #expect(try reader.next()?.regions?.filter { $0.length > 0 } == regions)
    #expect(
      try reader.readAll() == [UInt8](repeating: 0, count: 1 << 20) + noise(4096)
        + [UInt8](repeating: 0, count: (3 << 20) - 4096))
  }

  @Test func devicesOwnersAndAttributesStay() throws {
    var device = Item.of(.characterDevice(major: 5, minor: 1), "dev/console", mode: 0o620)
    device.entry.userID = 70000
    device.entry.groupName = "tty"
    var directory = Item.directory("d")
    directory.entry.extendedAttributes = ["user.a": bytes("1"), "trusted.overlay.opaque": bytes("y")]
    let file = Item.file(
      "d/f", attributes: ["security.capability": bytes("c"), "user.overlay.origin": bytes("o")])
    let squash = try LayerSquash([layer([device, directory, file]).asLayer()])
    let collector = Collector()
    let writer = try TarWriter(to: collector.sink)
    try squash.write(to: writer)
    try writer.finish()
    let entries = try entries(of: collector.bytes)
    let found = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0) })
    var expected = device.entry
    expected.path = "dev/console"
    #expect(found["dev/console"] == expected)
    #expect(found["d/"]?.extendedAttributes == ["user.a": bytes("1")])
    #expect(found["d/f"]?.extendedAttributes == ["security.capability": bytes("c")])
    #expect(squash.report.notes.map(\.path).sorted() == ["d/", "d/f"])
  }

  @Test func namesStayTheBytesThatTheyAre() throws {
    let path = RawPath([0x66, 0xff, 0xfe])
    #expect(try entries(of: squash([[.file(path), .link("l", to: path)]])).map(\.path) == ["./", path, "l"])
  }

  @Test func linksAreAddedOnlyWhereNothingIs() throws {
    let squash = try LayerSquash([layer([.file("dev/stdin"), .link("run", to: "var/run")]).asLayer()])
    for path in ["dev/stdin", "dev/fd", "run/x", "run"] as [RawPath] { try squash.addLink(path, to: "t") }
    let collector = Collector()
    let writer = try TarWriter(to: collector.sink)
    try squash.write(to: writer)
    try writer.finish()
    let paths = try entries(of: collector.bytes).map(\.path)
    #expect(paths == ["./", "dev/", "var/", "var/run/", "dev/fd", "var/run/x", "dev/stdin", "run"])
    #expect(try squash.isDirectory("run/x") == false)
    #expect(try squash.isDirectory("run") == false)
    #expect(try squash.isDirectory("var/run") == true)
    #expect(try squash.isDirectory("none") == nil)
  }

  @Test func aLayerThatIsNotTheConfigsIsRefused() throws {
    let bytes = try layer([.file("f")])
    let other = Digest(hashing: [UInt8]())
    let error = try #require(throws: ArchiveError.self) {
      try LayerSquash([LayerSquash.Layer(diffID: other) { MemoryReader(bytes) }])
    }
    #expect(error == .wrongDiffID(expected: other, actual: Digest(hashing: bytes)))
  }

  @Test func aLayerThatChangesBetweenTheTwoReadingsIsRefused() throws {
    let versions = [try layer([.file("f", "one")]), try layer([.file("f", "two")])]
    var count = 0
    let squash = try LayerSquash([
      LayerSquash.Layer(diffID: nil) {
        defer { count += 1 }
        return MemoryReader(versions[count])
      }
    ])
    let writer = try TarWriter(to: Collector().sink)
    #expect(throws: ArchiveError.self) { try squash.write(to: writer) }
  }

  @Test(arguments: [
    [Item.file("../f")], [.file("d/../../f")], [.hardLink("l", to: "../f")], [.hardLink("l", to: "none")],
    [.directory("d"), .hardLink("l", to: "d")], [.link("l", to: "l"), .file("l/f")],
    [.file("f"), .file("f/g")],
    [.file("")], [.file("d/.wh.")], [.file("d/f"), .hardLink("d", to: "d/f")],
    [.file(RawPath(String(repeating: "d/", count: 2040) + "too-long-by-some-bytes"))],
    [
      .file(RawPath(String(repeating: "d/", count: 1500) + "f")),
      .link("l", to: RawPath(String(repeating: "d/", count: 1500))),
      .file(RawPath("l/" + String(repeating: "e/", count: 1500) + "f")),
    ],
  ])
  func namesThatNoHonestLayerHasAreRefused(_ items: [Item]) throws {
    let error = try #require(throws: ArchiveError.self) { try squash([items]) }
    guard case .refused = error else { throw error }
  }

  @Test(arguments: HostileLayer.all) func whatIsHostileIsNoOtherThanUnpacked(_ hostile: HostileLayer) throws {
    try withDirectory { directory in
      let layers = hostile.layers(directory)
      let unpacked = Result { try unpack(layers, into: directory + "/unpacked") }
      guard case .success(let archive) = Result(catching: { try squash(layers) }) else {
        #expect(throws: ArchiveError.self) { try unpacked.get() }
        return
      }
      guard case .success = unpacked else {
        #expect(hostile.needsRoot, "unpacking refuses it")
        return
      }
      try unpackWithTar(archive, into: directory + "/squashed")
      let tree = try describe(directory + "/squashed")
      let expected = try describe(directory + "/unpacked")
      #expect(tree == expected)
    }
  }

  @Test func limitsHold() throws {
    let bytes = try layer((0..<100).map { .file(RawPath("d/\($0)"), String(repeating: "x", count: 600)) })
    let paths: [WritableKeyPath<LayerSquash.Limits, Int>] = [\.entries, \.names]
    var tooSmall = paths.map { path in
      var limits = LayerSquash.Limits()
      limits[keyPath: path] = 100
      return limits
    }
    tooSmall.append(LayerSquash.Limits())
    tooSmall[2].bytes = 60_000
    for limits in tooSmall {
      let error = try #require(throws: ArchiveError.self) {
        try LayerSquash([bytes.asLayer()], limits: limits)
      }
      switch error {
      case .tooLarge, .overLimit: continue
      default: throw error
      }
    }
    var limits = LayerSquash.Limits()
    limits.entries = 101
    #expect(try LayerSquash([bytes.asLayer()], limits: limits).report.entries == 100)
  }
}

extension [UInt8] {
  fileprivate func asLayer() -> LayerSquash.Layer {
    LayerSquash.Layer(diffID: nil) { MemoryReader(self) }
  }
}

private func squash(
  _ layers: [[Item]], _ compression: Compression = .none, prefix: RawPath = ""
) throws -> [UInt8] {
  let squash = try LayerSquash(
    layers.map { items in
      let plain = try layer(items)
      let compressed = try layer(items, compression)
      return LayerSquash.Layer(diffID: Digest(hashing: plain)) { PiecewiseReader(compressed, piece: 30_011) }
    })
  let collector = Collector()
  let writer = try TarWriter(to: collector.sink)
  try squash.write(to: writer, prefix: prefix)
  try writer.finish()
  return collector.bytes
}

private func entries(of archive: [UInt8]) throws -> [TarEntry] {
  let reader = try TarReader(MemoryReader(archive))
  var entries: [TarEntry] = []
  while let entry = try reader.next() { entries.append(entry) }
  return entries
}

/// GNU tar's own view of the archive.
private func unpackWithTar(_ archive: [UInt8], into directory: String) throws {
  try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  try Data(archive).write(to: URL(fileURLWithPath: directory + ".tar"))
  try run(
    "tar", "-C", directory, "--numeric-owner", "--delay-directory-restore", "--xattrs", "--xattrs-include=*",
    "-xpf", directory + ".tar",
    package: "tar")
}
