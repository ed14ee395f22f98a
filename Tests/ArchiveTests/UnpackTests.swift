import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Archive

/// What layers say is what is unpacked. As root, like all tests of unpacking: only root can check owners and devices.
@Suite struct UnpackTests {
  @Test(arguments: Compression.allCases)
  func allKindsOfEntriesAreUnpackedExactly(_ compression: Compression) throws {
    try withDirectory { directory in
      let root = directory + "/root"
      var owned = Item.file("d/owned", "x", mode: 0o6755, attributes: ["user.note": [1, 0, 2]])
      owned.entry.userID = 1234
      owned.entry.groupID = 3_000_000_000
      var link = Item.link("d/link", to: "/nowhere/at all")
      link.entry.userID = 77
      let long = String(repeating: "l", count: 255)
      let bytes = try layer(
        [
          .directory("d", mode: 0o1777), owned, link, .hardLink("d/hard", to: "d/owned"),
          .of(.fifo, "d/pipe", mode: 0o640), .of(.characterDevice(major: 1, minor: 3), "d/null", mode: 0o666),
          .of(.blockDevice(major: 259, minor: 70_000), "d/disk"), .file("d/größe \n"),
          .file(RawPath("d/\(long)")),
          .file(RawPath(Array("d/".utf8) + [0xfc, 0xff])),
        ], compression)
      let unpacker = try LayerUnpacker(root: root)
      let plain = try DecompressingReader(MemoryReader(bytes)).readAll()
      #expect(
        try unpacker.apply(MemoryReader(bytes), diffID: Digest(hashing: plain)) == Digest(hashing: plain))
      let report = try unpacker.finish()
      #expect(report.notes.isEmpty)
      #expect(report.entries == 10)
      #expect(report.layers == 1)
      #expect(report.bytes == Int64(plain.count))

      let file = try status(root + "/d/owned")
      #expect(file.st_mode == S_IFREG | 0o6755)
      #expect(file.st_uid == 1234)
      #expect(file.st_gid == 3_000_000_000)
      #expect(file.st_mtim.tv_sec == 1_500_000_000)
      #expect(file.st_mtim.tv_nsec == 123_456_789)
      #expect(file.st_ino == (try status(root + "/d/hard")).st_ino)
      #expect(attribute("user.note", of: root + "/d/owned") == [1, 0, 2])
      let symbolic = try status(root + "/d/link")
      #expect(symbolic.st_uid == 77)
      #expect(symbolic.st_mtim.tv_nsec == 123_456_789)
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: root + "/d/link") == "/nowhere/at all")
      #expect(try status(root + "/d/pipe").st_mode == S_IFIFO | 0o640)
      let null = try status(root + "/d/null")
      #expect(null.st_mode == S_IFCHR | 0o666)
      #expect(null.st_rdev == makedevice(1, 3))
      #expect(try status(root + "/d/disk").st_rdev == makedevice(259, 70_000))
      let made = try status(root + "/d")
      #expect(made.st_mode == S_IFDIR | 0o1777)
      #expect(made.st_mtim.tv_sec == 1_500_000_000)
      #expect(made.st_mtim.tv_nsec == 123_456_789)
      #expect(try content(root + "/d/größe \n") == "content")
      #expect(exists(root + "/d/" + long))
      let names = try DirectoryHandle(path: root + "/d").names()
      #expect(names.contains(RawPath([0xfc, 0xff])))
    }
  }

  private func makedevice(_ major: UInt64, _ minor: UInt64) -> dev_t {
    dev_t((major & 0xfff) << 8 | (minor & 0xff) | (minor & ~0xff) << 12)
  }

  @Test func capabilitiesAreSetAfterTheOwner() throws {
    try withDirectory { directory in
      // cap_net_raw+ep, revision 2, little-endian.
      let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      var ping = Item.file("ping", mode: 0o755, attributes: ["security.capability": capability])
      ping.entry.userID = 1000
      let report = try unpack([[ping]], into: directory + "/root")
      #expect(attribute("security.capability", of: directory + "/root/ping") == capability)
      #expect(report.notes.isEmpty)
    }
  }

  @Test func sparseFilesStaySparse() throws {
    try withDirectory { directory in
      var sparse = Item.of(.file, "sparse")
      sparse.entry.size = 10_000_000_000
      sparse.entry.regions = [TarEntry.Region(offset: 5_000_000_000, length: 6)]
      sparse.data = bytes("middle")
      try unpack([[sparse]], into: directory + "/root")
      let file = try status(directory + "/root/sparse")
      #expect(file.st_size == 10_000_000_000)
      #expect(file.st_blocks < 100)
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory + "/root/sparse"))
      try handle.seek(toOffset: 5_000_000_000)
      #expect(try handle.read(upToCount: 7) == Data(bytes("middle\u{0}")))
    }
  }

  @Test func withoutRootDevicesAndPrivilegedAttributesAreNotedAndAllBelongsToOneUser() throws {
    try withDirectory { directory in
      let root = directory + "/root"
      var file = Item.file(
        "implicit/f", mode: 0o4755, attributes: ["security.capability": [1], "trusted.x": [1], "user.x": [5]])
      file.entry.userID = 5
      let options = UnpackOptions(ownership: .mapped(userID: 2000, groupID: 2001), isPrivileged: false)
      let report = try unpack(
        [
          [
            file, .of(.characterDevice(major: 1, minor: 3), "null"), .hardLink("same", to: "./null"),
            .of(.fifo, "pipe"), .link("link", to: "f"), .directory("d"),
          ]
        ], into: root, options: options)
      for path in ["", "/implicit", "/implicit/f", "/pipe", "/link", "/d"] {
        #expect(try status(root + path).st_uid == 2000)
        #expect(try status(root + path).st_gid == 2001)
      }
      #expect(try status(root + "/implicit/f").st_mode == S_IFREG | 0o4755)
      #expect(attribute("user.x", of: root + "/implicit/f") == [5])
      #expect(attribute("trusted.x", of: root + "/implicit/f") == nil)
      #expect(!exists(root + "/null"))
      #expect(!exists(root + "/same"))
      #expect(report.notes.map(\.path).sorted() == ["implicit/f", "implicit/f", "null", "same"])
    }
  }

  @Test func aSkippedDeviceStillReplacesWhatWasThere() throws {
    try withDirectory { directory in
      let options = UnpackOptions(ownership: .mapped(userID: 0, groupID: 0), isPrivileged: false)
      try unpack(
        [[.file("x")], [.of(.blockDevice(major: 7, minor: 0), "x")]], into: directory + "/root",
        options: options)
      #expect(!exists(directory + "/root/x"))
    }
  }

  @Test func directoriesThatNoEntryDescribesAreTheSameEachTime() throws {
    try withDirectory { directory in
      try unpack([[.file("a/b/c")]], into: directory + "/root")
      for path in ["", "/a", "/a/b"] {
        let made = try status(directory + "/root" + path)
        #expect(made.st_mode == S_IFDIR | 0o755)
        #expect(made.st_mtim.tv_sec == 0)
      }
    }
  }

  @Test func aDirectoryKeepsItsTimeAndModeWhenLaterLayersPutSomethingInto() throws {
    try withDirectory { directory in
      let root = directory + "/root"
      try unpack(
        [
          [.directory("./", mode: 0o700), .directory("d", mode: 0o500), .file("d/a")],
          [.file("d/b"), .file("c")],
        ],
        into: root)
      #expect(try status(root + "/d").st_mode == S_IFDIR | 0o500)
      #expect(try status(root + "/d").st_mtim.tv_sec == 1_500_000_000)
      #expect(try status(root).st_mode == S_IFDIR | 0o700)
      #expect(try status(root).st_mtim.tv_sec == 1_500_000_000)
    }
  }

  @Test func aDirectoryOverADirectoryKeepsTheContentAndTakesTheAttributes() throws {
    try withDirectory { directory in
      let root = directory + "/root"
      var first = Item.directory("d", mode: 0o700)
      first.entry.extendedAttributes = ["user.old": [1]]
      var second = Item.directory("d", mode: 0o751)
      second.entry.extendedAttributes = ["user.new": [2]]
      second.entry.userID = 9
      try unpack([[first, .file("d/f")], [second]], into: root)
      #expect(exists(root + "/d/f"))
      #expect(try status(root + "/d").st_mode == S_IFDIR | 0o751)
      #expect(try status(root + "/d").st_uid == 9)
      #expect(attribute("user.old", of: root + "/d") == nil)
      #expect(attribute("user.new", of: root + "/d") == [2])
    }
  }

  @Test func anotherTypeReplacesWhatWasThere() throws {
    let kinds: [Item] = [
      .file("x"), .link("x", to: "y"), .directory("x"), .of(.fifo, "x"),
      .of(.characterDevice(major: 1, minor: 3), "x"), .hardLink("x", to: "y"),
    ]
    for below in kinds {
      for above in kinds where above.entry.kind != below.entry.kind {
        try withDirectory { directory in
          let root = directory + "/root"
          var first: [Item] = [.file("y", "target"), below]
          if below.entry.kind == .directory { first += [.file("x/deep/er/f")] }
          try unpack([first, [above]], into: root)
          let type = try status(root + "/x").st_mode & S_IFMT
          let expected: mode_t =
            switch above.entry.kind {
            case .file, .hardLink: S_IFREG
            case .symbolicLink: S_IFLNK
            case .directory: S_IFDIR
            case .fifo: S_IFIFO
            default: S_IFCHR
            }
          #expect(type == expected, "\(above.entry.kind) over \(below.entry.kind)")
          #expect(try content(root + "/y") == "target")
        }
      }
    }
  }

  @Test func writingAFileDoesNotChangeTheOtherNamesOfTheOneItReplaces() throws {
    try withDirectory { directory in
      let root = directory + "/root"
      try unpack([[.file("a", "old"), .hardLink("b", to: "a")], [.file("a", "new")]], into: root)
      #expect(try content(root + "/a") == "new")
      #expect(try content(root + "/b") == "old")
    }
  }

  @Test func aHardLinkToItselfAndToALinkAreAsTheyAre() throws {
    try withDirectory { directory in
      let root = directory + "/root"
      try unpack(
        [[.file("a"), .hardLink("a", to: "./a"), .link("s", to: "a"), .hardLink("t", to: "/s")]], into: root)
      #expect(try content(root + "/a") == "content")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: root + "/t") == "a")
    }
  }

  @Test func aParentThatIsALinkIsFollowedInsideTheRoot() throws {
    try withDirectory { directory in
      let root = directory + "/root"
      try unpack(
        [
          [
            .directory("usr/lib"), .link("lib", to: "usr/lib"), .link("usr/lib64", to: "/usr/lib"),
            .link("var/run", to: "../run"), .directory("run"), .link("dangling", to: "made/on/demand"),
            .link("above", to: "../../../usr/../../usr"),
          ],
          [
            .file("lib/a"), .file("usr/lib64/b"), .file("var/run/c"), .file("dangling/d"), .file("above/e"),
            .hardLink("h", to: "lib/a"),
          ],
        ], into: root)
      for path in ["usr/lib/a", "usr/lib/b", "run/c", "made/on/demand/d", "usr/e", "h"] {
        #expect(exists(root + "/" + path), "\(path)")
      }
      #expect(try status(root + "/lib").st_mode & S_IFMT == S_IFLNK)
      #expect(try status(root + "/var/run").st_mode & S_IFMT == S_IFLNK)
    }
  }

  @Test func veryDeepTreesAreUnpackedAndRemoved() throws {
    try withDirectory { directory in
      // 600 directories, each 200 of them made through a link to the last one so far: a path far beyond PATH_MAX.
      let deep = RawPath("d" + String(repeating: "/directory", count: 199))
      let items: [Item] = [
        .link("a", to: deep), .file("a/f"), .link("b", to: RawPath("a/\(deep)")), .file("b/f"),
        .link("c", to: RawPath("b/\(deep)")), .file("c/f"),
      ]
      try unpack([items, [.whiteout(".wh.d"), .file("d", "instead")]], into: directory + "/root")
      #expect(try content(directory + "/root/d") == "instead")
    }
  }

  @Test func aRootThatIsNotEmptyIsRefused() throws {
    try withDirectory { directory in
      try Data().write(to: URL(fileURLWithPath: directory + "/file"))
      #expect(throws: ArchiveError.self) { try LayerUnpacker(root: directory) }
    }
  }

  @Test func aWrongDiffIDIsRefused() throws {
    try withDirectory { directory in
      let bytes = try layer([.file("f")])
      let unpacker = try LayerUnpacker(root: directory + "/root")
      let wrong = Digest(hashing: [1])
      #expect(throws: ArchiveError.wrongDiffID(expected: wrong, actual: Digest(hashing: bytes))) {
        try unpacker.apply(MemoryReader(bytes), diffID: wrong)
      }
      // Such an image has failed for good.
      #expect(throws: ArchiveError.self) { try unpacker.apply(MemoryReader(bytes), diffID: nil) }
      #expect(throws: ArchiveError.self) { try unpacker.finish() }
    }
  }

  @Test(arguments: [Compression.none, .gzip])
  func theDiffIDCoversWhatFollowsTheArchive(_ compression: Compression) throws {
    try withDirectory { directory in
      let plain = try layer([.file("f")]) + noise(1_000_000)
      let blob = try compress(plain, compression)
      for (number, algorithm) in DigestAlgorithm.allCases.enumerated() {
        let unpacker = try LayerUnpacker(root: directory + "/root\(number)")
        let expected = Digest(algorithm, hashing: plain)
        #expect(try unpacker.apply(MemoryReader(blob), diffID: expected) == expected)
      }
      let unpacker = try LayerUnpacker(root: directory + "/other")
      #expect(throws: ArchiveError.self) {
        try unpacker.apply(MemoryReader(blob), diffID: Digest(hashing: Array(plain.dropLast())))
      }
    }
  }

  @Test func readersMayGiveSmallPieces() throws {
    try withDirectory { directory in
      let blob = try layer([.file("f", String(repeating: "0123456789", count: 200_000))], .gzip)
      let unpacker = try LayerUnpacker(root: directory + "/root")
      try unpacker.apply(PiecewiseReader(blob, piece: 1), diffID: nil)
      #expect(try status(directory + "/root/f").st_size == 2_000_000)
    }
  }
}
