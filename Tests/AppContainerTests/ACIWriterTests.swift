import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import AppContainer

@Suite struct ACIWriterTests {
  private func image(_ compression: Compression) throws -> (bytes: [UInt8], imageID: ACIImageID, size: Int64)
  {
    let output = Output()
    let manifest = try AppContainerManifest(parsing: bytes(ManifestSamples.specification))
    let writer = try ACIWriter(manifest, compression: compression, to: output.sink)
    let items: [TestImage.Item] = [
      .directory("rootfs/", mode: 0o711), .directory("rootfs/bin"), .file("rootfs/bin/sh", "#!", mode: 0o755),
      .hardLink("rootfs/bin/ash", to: "rootfs/bin/sh"),
    ]
    for item in items { try writer.rootFS.add(item.entry, data: item.data) }
    let (imageID, size) = try writer.finish()
    return (output.bytes, imageID, size)
  }

  @Test(arguments: [Compression.none, .gzip, .bzip2, .xz])
  func whatIsWrittenIsReadAgain(_ compression: Compression) throws {
    let image = try image(compression)
    let summary = try ACIReader.summary(of: MemoryReader(image.bytes))
    #expect(summary.imageID == image.imageID)
    #expect(summary.size == image.size)
    #expect(summary.compression == compression)
    #expect(summary.manifest == (try AppContainerManifest(parsing: bytes(ManifestSamples.specification))))
  }

  @Test func theSameImageIsTheSameBytes() throws {
    #expect(try image(.gzip).bytes == image(.gzip).bytes)
    #expect(try image(.gzip).bytes[4..<8] == [0, 0, 0, 0])
    #expect(try image(.gzip).imageID == image(.xz).imageID)
  }

  /// appc 0.8.11, aci.md: "addressed and verified against the hash of its uncompressed tar file".
  @Test func tarAndSha512sumSeeTheSameImage() throws {
    try withDirectory { directory in
      let image = try image(.gzip)
      try Data(image.bytes).write(to: directory.appendingPathComponent("image.aci"))
      let list = try shell("tar tzf image.aci", in: directory)
      #expect(list == "manifest\nrootfs/\nrootfs/bin/\nrootfs/bin/sh\nrootfs/bin/ash\n")
      let id = try shell("printf sha512-; zcat image.aci | sha512sum | awk '{print $1}'", in: directory)
      #expect(id == "\(image.imageID)\n")
      let modes = try shell(
        "tar xzpf image.aci; stat -c %a rootfs rootfs/bin/ash; stat -c %Y manifest", in: directory)
      #expect(modes == "711\n755\n0\n")
    }
  }

  @Test func zstdIsRefused() throws {
    #expect(throws: AppContainerError.self) { try image(.zstd) }
  }

  @Test func anInvalidAppIsNotWritten() throws {
    var manifest = AppContainerManifest(name: try ACIdentifier(parsing: "a"))
    manifest.app = ACApp(user: "0", group: "0")
    manifest.app?.workingDirectory = "relative"
    #expect(throws: AppContainerError.self) { try manifest.encoded() }
  }
}
