import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import AppContainer

@Suite struct ACIReaderTests {
  private func summary(_ image: [UInt8]) throws -> ACIReader.Summary {
    try ACIReader.summary(of: MemoryReader(image))
  }

  @Test(arguments: [Compression.none, .gzip, .bzip2, .xz])
  func anImageIsReadHoweverItIsCompressed(_ compression: Compression) throws {
    let plain = try TestImage.aci([.directory("rootfs/bin"), .file("rootfs/bin/sh")])
    let image = try TestImage.aci([.directory("rootfs/bin"), .file("rootfs/bin/sh")], compression)
    let summary = try summary(image)
    #expect(summary.compression == compression)
    #expect(summary.imageID == ACIImageID(Digest(.sha512, hashing: plain)))
    #expect(summary.size == plain.count)
    #expect(summary.manifest.name.description == "example.com/test")
    #expect(summary.manifestBytes == bytes(TestImage.manifest))
  }

  /// The commands of appc 0.8.11, aci.md, "Image Archives" and "Image ID".
  @Test(arguments: ["gzip", "bzip2", "xz", "cat"])
  func whatTheSpecificationsCommandsMakeIsRead(_ compressor: String) throws {
    try withDirectory { directory in
      try bytes(TestImage.manifest).withUnsafeBytes {
        try Data($0).write(to: directory.appendingPathComponent("manifest"))
      }
      try shell(
        """
        mkdir -p rootfs/etc; echo hello > rootfs/etc/motd; ln rootfs/etc/motd rootfs/etc/issue; ln -s motd rootfs/etc/m
        tar cf image.tar manifest rootfs
        \(compressor) < image.tar > image.aci
        """, in: directory)
      let image = Array(try Data(contentsOf: directory.appendingPathComponent("image.aci")))
      let id = try shell("printf sha512-; sha512sum image.tar | awk '{print $1}'", in: directory)
      #expect(try summary(image).imageID.description + "\n" == id)
    }
  }

  @Test func entriesHavePathsOfTheRootFileSystem() throws {
    // The manifest last, as docker2aci has it, and names as tar writes them for "./".
    let image = try TestImage.archive([
      .directory("./"), .directory("./rootfs"), .directory("./rootfs/bin/"), .file("./rootfs/bin/a", "data"),
      .hardLink("rootfs/b", to: "./rootfs/bin/a"), .link("rootfs/c", to: "../../etc"),
      .file("./manifest", TestImage.manifest),
    ])
    let reader = try ACIReader(MemoryReader(image))
    var entries: [TarEntry] = []
    while let entry = try reader.next() {
      entries.append(entry)
      if entry.kind == .file {
        var data: [UInt8] = []
        try reader.entryData.forEachPiece { data += $0 }
        #expect(data == bytes("data"))
      }
    }
    #expect(entries.map(\.path) == ["./", "bin", "bin/a", "b", "c"])
    #expect(entries[3].kind == .hardLink(target: "bin/a"))
    #expect(entries[4].kind == .symbolicLink(target: "../../etc"))
    #expect(try reader.finish().manifest.name.description == "example.com/test")
  }

  private static let valid: TestImage.Item = .file("manifest", TestImage.manifest)

  @Test(
    arguments: [
      ([], "no file \"manifest\""),
      ([valid], "no directory \"rootfs\""),
      ([.directory("rootfs")], "no file \"manifest\""),
      ([valid, .file("rootfs/f")], "no directory \"rootfs\""),
      ([valid, .file("rootfs")], "\"rootfs\" is no directory"),
      ([valid, .link("rootfs", to: "/")], "\"rootfs\" is no directory"),
      ([.link("manifest", to: "rootfs/manifest"), .directory("rootfs")], "no regular file"),
      ([.directory("manifest"), .directory("rootfs")], "no regular file"),
      ([valid, valid, .directory("rootfs")], "\"manifest\" twice"),
      ([valid, .directory("rootfs"), .file("./manifest", TestImage.manifest)], "\"manifest\" twice"),
      ([valid, .directory("rootfs"), .directory("rootfs/")], "twice"),
      ([valid, .directory("rootfs"), .file("rootfs/f"), .file("rootfs//./f")], "\"rootfs//./f\" twice"),
      ([valid, .directory("rootfs"), .file("README")], "\"README\", where only"),
      ([valid, .directory("rootfs"), .file("rootfs2/f")], "where only"),
      ([valid, .directory("rootfs"), .file("manifest/f")], "where only"),
      ([valid, .directory("rootfs"), .file("/rootfs/f")], "leads out of it"),
      ([valid, .directory("rootfs"), .file("rootfs/../f")], "leads out of it"),
      ([valid, .directory("rootfs"), .file("../rootfs/f")], "leads out of it"),
      ([valid, .directory("rootfs"), .hardLink("rootfs/l", to: "manifest")], "not in \"rootfs\""),
      ([valid, .directory("rootfs"), .hardLink("rootfs/l", to: "/etc/passwd")], "not in \"rootfs\""),
      ([valid, .directory("rootfs"), .hardLink("rootfs/l", to: "rootfs/../../x")], "not in \"rootfs\""),
      ([valid, .directory("rootfs"), .hardLink("rootfs/l", to: "rootfs")], "not in \"rootfs\""),
      ([.file("manifest", "{}"), .directory("rootfs")], "acKind"),
    ] as [([TestImage.Item], String)])
  func anotherLayoutIsRefused(_ items: [TestImage.Item], _ message: String) throws {
    let image = try TestImage.archive(items)
    let error = try #require(throws: AppContainerError.self) { try summary(image) }
    #expect("\(error)".contains(message), "\(error)")
  }

  @Test func zstdAndNothingAreRefused() throws {
    let image = try TestImage.aci([], .zstd)
    let error = try #require(throws: AppContainerError.self) { try summary(image) }
    #expect("\(error)".contains("zstd"))
    #expect(throws: AppContainerError.self) { try summary([]) }
  }

  @Test func whatIsNoArchiveOrIsDamagedIsRefused() throws {
    #expect(throws: ArchiveError.self) {
      try summary(bytes(String(repeating: "<html>not found</html>", count: 100)))
    }
    for compression in [Compression.none, .gzip, .bzip2, .xz] {
      var image = try TestImage.aci([.file("rootfs/f", String(repeating: "abc", count: 5000))], compression)
      image.removeLast(image.count / 2)
      #expect(throws: (any Error).self) { try summary(image) }
    }
  }

  @Test func limitsHold() throws {
    let image = try TestImage.aci([.file("rootfs/a", String(repeating: "x", count: 5000)), .file("rootfs/b")])
    let changes: [(inout ACIReader.Limits) -> Void] = [
      { $0.bytes = 4000 }, { $0.entries = 2 }, { $0.manifest = 10 }, { $0.names = 1 },
    ]
    for change in changes {
      var limits = ACIReader.Limits()
      change(&limits)
      #expect(throws: (any Error).self) { try ACIReader.summary(of: MemoryReader(image), limits: limits) }
    }
    #expect(try summary(image).manifest.app == nil)
  }
}
