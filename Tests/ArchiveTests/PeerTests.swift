import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Archive

/// Other programs read what is written here, and what they write is unpacked as they do it.
@Suite struct PeerTests {
  private final class FileReader: BlobReader {
    private let file: FileHandle
    init(_ path: String) throws { file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)) }
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      let data = try file.read(upToCount: buffer.count) ?? Data()
      data.copyBytes(to: buffer)
      return data.count
    }
  }

  private func unpackFile(_ path: String, into root: String) throws {
    let unpacker = try LayerUnpacker(root: root)
    try unpacker.apply(FileReader(path), diffID: nil)
    #expect(try unpacker.finish().notes.isEmpty)
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// Files, directories, links of both kinds, devices, odd modes, owners, times, attributes, holes.
  private let script = """
    set -e; cd "$1"; umask 022
    mkdir -p a/b/c empty; echo one > a/one; echo two > a/b/two; ln a/one a/b/again; ln -s ../one a/b/link
    ln -s /absolute a/absolute; mkfifo a/pipe; mknod a/null c 1 3; mknod a/disk b 8 17
    head -c 3000000 /dev/urandom > a/b/c/large; truncate -s 20M a/sparse; echo end >> a/sparse
    touch "a/$(printf 'n%.0s' $(seq 255))" 'a/with space' 'a/größe' 'a/-dash' "a/line
    feed"
    mkdir -p "$(printf 'deep/%.0s' $(seq 50))"; echo deep > "$(printf 'deep/%.0s' $(seq 50))/f"
    chown 1234:5678 a/b/two; chown -h 42:43 a/b/link; chmod 4755 a/one; chmod 1777 empty; chmod 0 'a/with space'
    setfattr -n user.note -v value a/one; setfattr -n user.d -v '"quoted"' empty
    find . -depth -exec touch -h -d '2020-02-02 02:02:02.123456789 UTC' {} +
    """

  private func makeTree(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try run("sh", "-c", script, "sh", path, package: "attr")
  }

  @Test(arguments: ["posix", "gnu"])
  func whatTarWritesIsUnpackedExactly(_ format: String) throws {
    try withDirectory { directory in
      try makeTree(directory + "/tree")
      try run(
        "tar", "-C", directory + "/tree", "--format", format, "--sparse",
        format == "posix" ? "--xattrs" : "--no-xattrs",
        "-czf", directory + "/layer.tar.gz", ".", package: "tar")
      try unpackFile(directory + "/layer.tar.gz", into: directory + "/root")
      if format == "posix" {
        #expect(try describe(directory + "/root") == describe(directory + "/tree"))
      } else {
        // No attributes and no fractions of seconds in this format: compare with what tar makes of it.
        try FileManager.default.createDirectory(
          atPath: directory + "/peer", withIntermediateDirectories: true)
        try run("tar", "-C", directory + "/peer", "-xpzf", directory + "/layer.tar.gz", package: "tar")
        #expect(try describe(directory + "/root") == describe(directory + "/peer"))
      }
      #expect(try status(directory + "/root/a/sparse").st_blocks < 1000)
    }
  }

  @Test func whatBusyboxWritesIsUnpackedAsItDoesItself() throws {
    try withDirectory { directory in
      try makeTree(directory + "/tree")
      try run(
        "busybox", "tar", "-C", directory + "/tree", "-cf", directory + "/layer.tar", ".",
        package: "busybox-static")
      try unpackFile(directory + "/layer.tar", into: directory + "/root")
      try FileManager.default.createDirectory(atPath: directory + "/peer", withIntermediateDirectories: true)
      // busybox sets no times of directories with content that it writes later: compare with tar.
      try run("tar", "-C", directory + "/peer", "-xpf", directory + "/layer.tar", package: "tar")
      #expect(try describe(directory + "/root") == describe(directory + "/peer"))
    }
  }

  @Test func tarUnpacksAFlattenedTreeExactly() throws {
    try withDirectory { directory in
      try makeTree(directory + "/tree")
      let collector = Collector()
      let writer = try TarWriter(to: collector.sink, compression: .zstd)
      try FlattenedTar.write(directory + "/tree", to: writer)
      try writer.finish()
      try write(collector.bytes, to: directory + "/flat.tar.zst")
      try FileManager.default.createDirectory(atPath: directory + "/peer", withIntermediateDirectories: true)
      try run(
        "tar", "-C", directory + "/peer", "--zstd", "--xattrs", "--xattrs-include=*", "-xpf",
        directory + "/flat.tar.zst",
        package: "tar zstd")
      #expect(try describe(directory + "/peer") == describe(directory + "/tree"))
    }
  }

  @Test func umociUnpacksAnImageOfTheseLayersToTheSameTree() throws {
    var owned = Item.file("etc/shadow", "secret", mode: 0o640)
    owned.entry.groupID = 42
    let layers: [[Item]] = [
      [
        .directory("./"), .directory("etc"), owned, .file("etc/passwd"), .directory("usr"),
        .directory("usr/lib"),
        .file("usr/lib/a"), .file("usr/lib/b"), .link("lib", to: "usr/lib"),
        .hardLink("usr/lib/c", to: "usr/lib/a"),
        .directory("opaque"), .file("opaque/hidden"), .directory("opaque/sub"), .file("opaque/sub/hidden"),
        .directory("gone"), .file("gone/f"), .file("su", mode: 0o4755),
        .of(.characterDevice(major: 1, minor: 3), "null"),
        .file("type"), .directory("kept", mode: 0o700), .file("kept/f"),
      ],
      [
        .directory("usr"), .directory("usr/lib"), .whiteout("usr/lib/.wh.b"), .file("lib/d"),
        .whiteout(".wh.gone"),
        .directory("opaque"), .whiteout("opaque/.wh..wh..opq"), .file("opaque/new"), .directory("type"),
        .file("type/f"), .directory("kept", mode: 0o755),
      ],
      [
        .directory("gone"), .file("gone/again"), .hardLink("etc/again", to: "etc/passwd"),
        .whiteout("etc/.wh.shadow"),
      ],
    ]
    try withDirectory { directory in
      try writeImage(layers, to: directory + "/image")
      try run(
        "umoci", "unpack", "--image", directory + "/image:latest", directory + "/bundle", package: "umoci")
      try unpack(layers, into: directory + "/root")
      #expect(try describe(directory + "/root") == describe(directory + "/bundle/rootfs"))
    }
  }

  private func writeImage(_ layers: [[Item]], to path: String) throws {
    try FileManager.default.createDirectory(atPath: path + "/blobs/sha256", withIntermediateDirectories: true)
    func put(_ bytes: [UInt8]) throws -> (Digest, Int) {
      let digest = Digest(hashing: bytes)
      try write(bytes, to: path + "/blobs/sha256/" + digest.encoded)
      return (digest, bytes.count)
    }
    func descriptor(_ type: String, _ blob: (Digest, Int), _ more: String = "") -> String {
      "{\"mediaType\":\"application/vnd.oci.image.\(type)\",\"digest\":\"\(blob.0)\",\"size\":\(blob.1)\(more)}"
    }
    let blobs = try layers.map { try put(layer($0, .gzip)) }
    let diffIDs = try layers.map { "\"\(Digest(hashing: try layer($0)))\"" }.joined(separator: ",")
    let config = try put(
      bytes(
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},"
          + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\(diffIDs)]}}"))
    let list = blobs.map { descriptor("layer.v1.tar+gzip", $0) }.joined(separator: ",")
    let manifest = try put(
      bytes("{\"schemaVersion\":2,\"config\":\(descriptor("config.v1+json", config)),\"layers\":[\(list)]}"))
    let name = ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\"}"
    try write(
      bytes("{\"schemaVersion\":2,\"manifests\":[\(descriptor("manifest.v1+json", manifest, name))]}"),
      to: path + "/index.json")
    try write(bytes("{\"imageLayoutVersion\":\"1.0.0\"}"), to: path + "/oci-layout")
  }
}
