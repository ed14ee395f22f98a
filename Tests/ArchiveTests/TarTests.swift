import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Archive

@Suite struct TarTests {
  private func readAll(_ archive: [UInt8]) throws -> [Item] {
    let reader = try TarReader(MemoryReader(archive))
    var items: [Item] = []
    while let entry = try reader.next() { items.append(Item(entry: entry, data: try reader.readAll())) }
    return items
  }

  @Test(arguments: Compression.allCases)
  func entriesAreReadAsTheyWereWritten(_ compression: Compression) throws {
    let long = RawPath(String(repeating: "directory/", count: 60) + String(repeating: "n", count: 255))
    var owned = Item.file("owned", "x", mode: 0o6755)
    owned.entry.userID = 4_000_000_000
    owned.entry.groupID = 3_000_000
    owned.entry.userName = "josé"
    owned.entry.groupName = "staff"
    var old = Item.file("old", "")
    old.entry.modificationTime = FileTime(seconds: -86_400, nanoseconds: 0)
    let items: [Item] = [
      .directory("d/", mode: 0o1777), .file("d/f", "content"), .link("d/l", to: "../../etc/passwd"),
      .hardLink("d/h", to: "d/f"), .of(.fifo, "pipe"), .of(.characterDevice(major: 1, minor: 3), "null"),
      .of(.blockDevice(major: 259, minor: 1_000_000), "disk"), .file(long, "long"), .link("long", to: long),
      .file("größe-文", "utf-8"), .file("line\nfeed\u{1}", "x"), owned, old,
      .file(
        "attributes", "x",
        attributes: ["user.b": bytes("2"), "user.a": [0, 255, 10, 0], "security.capability": noise(20)]),
    ]
    let read = try readAll(layer(items, compression))
    #expect(read.count == items.count)
    for (item, result) in zip(items, read) {
      var expected = item.entry
      expected.size = expected.kind == .file ? Int64(item.data.count) : 0
      #expect(result.entry == expected)
      #expect(result.data == item.data)
    }
  }

  @Test func namesThatAreNotUTF8KeepTheirBytes() throws {
    let name = RawPath([0x66, 0xfc, 0x72])  // "für" in Latin-1
    let longName = RawPath([UInt8](repeating: 0xe4, count: 200))
    // Whatever failed before in this thread.
    errno = ENOMEM
    let read = try readAll(
      layer([.file(name), .file(longName), .link("l", to: name), .hardLink("h", to: longName)]))
    #expect(read.map(\.entry.path) == [name, longName, "l", "h"])
    #expect(read[2].entry.kind == .symbolicLink(target: name))
    #expect(read[3].entry.kind == .hardLink(target: longName))
  }

  @Test func equalEntriesGiveEqualBytes() throws {
    let attributes = Dictionary(
      uniqueKeysWithValues: (0..<20).map { (RawPath("user.\($0)"), bytes("\($0)")) })
    let items: [Item] = [.directory("d"), .file("d/f", attributes: attributes), .file("größe")]
    let again = Dictionary(
      uniqueKeysWithValues: (0..<20).reversed().map { (RawPath("user.\($0)"), bytes("\($0)")) })
    let same: [Item] = [.directory("d"), .file("d/f", attributes: again), .file("größe")]
    #expect(try layer(items) == layer(same))
  }

  @Test func holesAreWrittenAsHolesAndReadAsZeros() throws {
    let regions = [
      TarEntry.Region(offset: 1_000_000, length: 5), TarEntry.Region(offset: 9_000_000_000, length: 3),
    ]
    var sparse = Item.of(.file, "sparse")
    sparse.entry.size = 10_000_000_000
    sparse.entry.regions = regions
    sparse.data = bytes("firstend")
    let archive = try layer([sparse, .file("next")])
    #expect(archive.count < 20_000)
    let reader = try TarReader(MemoryReader(archive))
    let entry = try #require(try reader.next())
    #expect(entry.size == 10_000_000_000)
    #expect(entry.regions?.filter { $0.length > 0 } == regions)
    var blocks: [Int64: [UInt8]] = [:]
    try reader.forEachBlock { blocks[$0] = Array($1) }
    #expect(blocks == [1_000_000: bytes("first"), 9_000_000_000: bytes("end")])
    #expect(try reader.next()?.path == "next")
    #expect(try reader.readAll() == bytes("content"))
  }

  @Test func dataThatIsNotReadIsSkipped() throws {
    let reader = try TarReader(
      MemoryReader(layer([.file("a", String(repeating: "x", count: 700_000)), .file("b")])))
    #expect(try reader.next()?.path == "a")
    #expect(try reader.next()?.path == "b")
    #expect(try reader.readAll() == bytes("content"))
    #expect(try reader.next() == nil)
    #expect(try reader.next() == nil)
  }

  /// As `umoci insert` writes it: nothing fills the last block.
  @Test func anArchiveMayEndRightAfterDataReadOrNot() throws {
    let archive =
      rawHeader("first", type: "0", size: 3) + padded(bytes("one"))
      + rawHeader("last", type: "0", size: 3) + bytes("two")
    for readsData in [true, false] {
      let reader = try TarReader(MemoryReader(archive))
      var names: [String] = []
      while let entry = try reader.next() {
        names.append("\(entry.path)")
        if readsData { try reader.forEachPiece { _ in } }
      }
      #expect(names == ["first", "last"])
    }
    let short = try TarReader(MemoryReader(archive.dropLast()))
    #expect(throws: ArchiveError.self) { while try short.next() != nil {} }
  }

  @Test func aWriterThatGetsTooLittleOrTooMuchDataFails() throws {
    let writer = try TarWriter(to: Collector().sink)
    var entry = TarEntry(path: "f", kind: .file, mode: 0o644)
    entry.size = 5
    try writer.add(entry)
    try bytes("abc").withUnsafeBytes { try writer.write($0) }
    #expect(throws: ArchiveError.self) { try writer.finish() }
    #expect(throws: ArchiveError.self) { try bytes("defg").withUnsafeBytes { try writer.write($0) } }
  }

  @Test func whatTheSinkThrowsIsPassedOn() throws {
    struct Full: Error {}
    let writer = try TarWriter(to: ByteSink { _ in throw Full() })
    #expect(throws: Full.self) {
      for number in 0..<1000 { try writer.add(Item.file("f").entry, data: noise(10_000 + number)) }
    }
  }

  @Test func anArchiveMayGoToAnOpenFile() throws {
    try withDirectory { directory in
      let items: [Item] = [.file("a", String(repeating: "x", count: 1_000_000)), .file("b")]
      let file = try FileHandle(forUpdating: makeFile(directory + "/archive"))
      let writer = try TarWriter(to: ByteSink(descriptor: file.fileDescriptor))
      for item in items { try writer.add(item.entry, data: item.data) }
      try writer.finish()
      try file.close()
      #expect(try Array(Data(contentsOf: URL(fileURLWithPath: directory + "/archive"))) == layer(items))
    }
  }

  private func makeFile(_ path: String) throws -> URL {
    try Data().write(to: URL(fileURLWithPath: path))
    return URL(fileURLWithPath: path)
  }

  @Test func whatIsNoTarIsSaidToBeNone() throws {
    let error = try #require(throws: ArchiveError.self) {
      try TarReader(MemoryReader(noise(5000))).next()
    }
    guard case .notAnArchive = error else { throw error }
    #expect(try TarReader(MemoryReader([])).next() == nil)
    #expect(try TarReader(MemoryReader([UInt8](repeating: 0, count: 1024))).next() == nil)
  }

  @Test func anArchiveThatIsCutOffNamesTheEntry() throws {
    let archive = try layer([.file("first"), .file("second", String(repeating: "x", count: 10_000))])
    let error = try #require(throws: ArchiveError.self) {
      _ = try readAll(Array(archive[..<4000]))
    }
    guard case .damaged("second", _) = error else { throw error }
  }

  @Test func aHeaderThatIsDamagedNamesTheEntryBeforeIt() throws {
    var archive = try layer([.file("first", ""), .file("second", "")])
    let second = try #require(archive.indices.first { archive[$0...].starts(with: bytes("second")) })
    archive[second] ^= 1
    let error = try #require(throws: ArchiveError.self) { _ = try readAll(archive) }
    guard case .damaged("first", _) = error else { throw error }
  }

  @Test func aHeaderTakesBoundedMemory() throws {
    // A sparse map (GNU.sparse 1.0) of ten million regions, which comes before the file's data.
    let count = 10_000_000
    let map = bytes("\(count)\n") + [UInt8](repeating: 0, count: 0)
    var records = ""
    for (key, value) in [
      ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "bomb"),
      ("GNU.sparse.realsize", "1"),
    ] {
      let rest = " \(key)=\(value)\n"
      let length = rest.utf8.count + 2
      records += "\(length)\(rest)"
    }
    var archive = rawHeader("PaxHeaders/bomb", type: "x", size: records.utf8.count)
    archive += padded(bytes(records))
    var data = map
    for number in 0..<600_000 { data += bytes("\(number * 2)\n0\n") }
    archive += rawHeader("bomb", type: "0", size: data.count) + padded(data)
    let error = try #require(throws: ArchiveError.self) { _ = try readAll(archive) }
    guard case .tooLarge = error else { throw error }
  }

  private func padded(_ data: [UInt8]) -> [UInt8] {
    data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
  }

  private func rawHeader(_ name: String, type: Character, size: Int) -> [UInt8] {
    func field(_ text: String, _ width: Int) -> [UInt8] {
      bytes(text) + [UInt8](repeating: 0, count: width - text.utf8.count)
    }
    func octal(_ value: Int, _ width: Int) -> [UInt8] {
      let digits = String(value, radix: 8)
      return field(String(repeating: "0", count: width - 1 - digits.count) + digits, width)
    }
    var header =
      field(name, 100) + octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12)
    header += bytes("        ") + bytes(String(type)) + field("", 100) + bytes("ustar\u{0}00")
    header += [UInt8](repeating: 0, count: 512 - header.count)
    let sum = header.reduce(0) { $0 + Int($1) }
    header.replaceSubrange(148..<156, with: octal(sum, 7) + bytes(" "))
    return header
  }
}
