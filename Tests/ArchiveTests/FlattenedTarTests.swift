import Foundation
import ImageTransfer
import Testing

@testable import Archive

@Suite struct FlattenedTarTests {
  /// A tree with all that one may have.
  private func makeTree(_ root: String) throws {
    var owned = Item.file(
      "d/owned", "x", mode: 0o6755, attributes: ["user.b": [0, 1], "user.a": bytes("2")])
    owned.entry.userID = 1234
    owned.entry.groupID = 3_000_000
    var folder = Item.directory("d", mode: 0o1750)
    folder.entry.extendedAttributes = ["user.d": [1]]
    var link = Item.link("d/link", to: "../nowhere")
    link.entry.userID = 5
    var sparse = Item.of(.file, "sparse")
    sparse.entry.size = 3_000_000_000
    sparse.entry.regions = [TarEntry.Region(offset: 1 << 20, length: 6)]
    sparse.data = bytes("middle")
    try unpack(
      [
        [
          .directory("./", mode: 0o711), folder, owned, link, .hardLink("d/hard", to: "d/owned"),
          .hardLink("a", to: "d/owned"), .of(.fifo, "pipe"),
          .of(.characterDevice(major: 1, minor: 3), "null"),
          .of(.blockDevice(major: 259, minor: 7), "disk"), .file("größe"), .file("d-e"), .file("d/e"),
          .file(RawPath(String(repeating: "long/", count: 60) + "f")),
          .file("large", String(repeating: "x", count: 1_000_000)),
        ], [sparse],
      ], into: root)
  }

  private func flatten(_ root: String, prefix: RawPath = "", ownership: UnpackOptions.Ownership = .asStored)
    throws
    -> [UInt8]
  {
    let collector = Collector()
    let writer = try TarWriter(to: collector.sink)
    try FlattenedTar.write(root, prefix: prefix, ownership: ownership, to: writer)
    try writer.finish()
    return collector.bytes
  }

  private func list(_ archive: [UInt8]) throws -> [TarEntry] {
    let reader = try TarReader(MemoryReader(archive))
    var entries: [TarEntry] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  @Test func aTreeThatIsWrittenAndUnpackedIsTheSame() throws {
    try withDirectory { directory in
      try makeTree(directory + "/root")
      let archive = try flatten(directory + "/root")
      let unpacker = try LayerUnpacker(root: directory + "/again")
      try unpacker.apply(MemoryReader(archive), diffID: nil)
      #expect(try unpacker.finish().notes.isEmpty)
      // The sparse file's content is compared by the next one; here reading it would take long.
      try FileManager.default.removeItem(atPath: directory + "/again/sparse")
      try FileManager.default.removeItem(atPath: directory + "/root/sparse")
      let expected = try describe(directory + "/root")
      let again = try describe(directory + "/again")
      #expect(again.dropFirst() == expected.dropFirst())
    }
  }

  @Test func holesStayHoles() throws {
    try withDirectory { directory in
      try makeTree(directory + "/root")
      let archive = try flatten(directory + "/root")
      #expect(archive.count < 2_000_000)
      let sparse = try #require(try list(archive).first { $0.path == "sparse" })
      #expect(sparse.size == 3_000_000_000)
      let unpacker = try LayerUnpacker(root: directory + "/again")
      try unpacker.apply(MemoryReader(archive), diffID: nil)
      let file = try status(directory + "/again/sparse")
      #expect(file.st_size == 3_000_000_000)
      #expect(file.st_blocks < 1000)
    }
  }

  @Test func theSameTreeGivesTheSameBytesInTheOrderOfThePaths() throws {
    try withDirectory { directory in
      try makeTree(directory + "/root")
      let archive = try flatten(directory + "/root")
      try makeTree(directory + "/other")
      #expect(try flatten(directory + "/other") == archive)
      let names = try list(archive).map(\.path.description).filter { !$0.hasPrefix("long") }
      #expect(
        names == [
          "./", "a", "d/", "d/e", "d/hard", "d/link", "d/owned", "d-e", "disk", "größe", "large", "null",
          "pipe",
          "sparse",
        ])
    }
  }

  @Test func hardLinksAreLinksToTheFirstName() throws {
    try withDirectory { directory in
      try makeTree(directory + "/root")
      let entries = try list(flatten(directory + "/root", prefix: "rootfs"))
      let links = entries.filter { if case .hardLink = $0.kind { true } else { false } }
      #expect(links.map(\.path) == ["rootfs/d/hard", "rootfs/d/owned"])
      #expect(links.allSatisfy { $0.kind == .hardLink(target: "rootfs/a") })
    }
  }

  @Test func aPrefixIsBeforeAllPathsAndOwnersMayBeMapped() throws {
    try withDirectory { directory in
      try makeTree(directory + "/root")
      let entries = try list(
        flatten(directory + "/root", prefix: "rootfs", ownership: .mapped(userID: 0, groupID: 0)))
      #expect(entries.first?.path == "rootfs/")
      #expect(entries.allSatisfy { $0.path.hasPrefix("rootfs/") })
      #expect(entries.allSatisfy { $0.userID == 0 && $0.groupID == 0 && $0.userName == nil })
    }
  }
}
