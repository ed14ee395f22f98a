import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Runtimes

/// Images read from archives and root file systems.
@Suite struct ImportTests {
  // MARK: OCI archives

  @Test("an OCI archive, compressed or not, is the image that is in it", arguments: Compression.allCases)
  func ociArchive(compression: Compression) async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let file = try TestArchive.make(directory, try sample.ociArchive, compression)
      let (manifest, blobs) = try copied(OCIArchiveImport(file: file, name: nil), directory)
      #expect(manifest.bytes == sample.manifest)
      #expect(blobs[sample.layerDigest] == sample.layer)
      #expect(leftovers(directory) == [])
    }
  }

  @Test("of several images in an OCI archive the named one is taken, and the names are told")
  func ociArchiveNames() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let file = try TestArchive.make(directory, try sample.ociArchive(names: ["one", "two"]))
      let source = try ImportSource(OCIArchiveImport(file: file, name: "two"), cache: directory)
      #expect(try source.root().bytes == sample.manifest)
      let error = refusal {
        try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory).root()
      }
      #expect(error.contains("oci-archive:\(file) has 2 images") && error.contains("one, two"))
    }
  }

  @Test("names that a layout has not are passed over: none of them is written anywhere")
  func hostileNames() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let hex = sample.layerDigest.encoded
      let target = "\(directory)/target"
      try Data("kept".utf8).write(to: URL(filePath: target))
      var items = [
        TestArchive.Item("../../../../outside", "bad"), .init("\(directory)/absolute", "bad"),
        .init("blobs/sha256/../../../outside", "bad"), .init("blobs/sha256/short", "bad"),
        .init("blobs/md5/\(hex)", "bad"), .init("blobs/sha256/\(hex)/more", "bad"),
        .init("blobs", link: directory), .init("index.json", link: target),
        .init("blobs/sha256/\(hex)", link: target), .init(".kontor-partial/x", "bad"),
      ]
      items += try sample.ociArchive
      let file = try TestArchive.make(directory, items)
      do {
        let source = try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory)
        #expect(try source.root().bytes == sample.manifest)
        let inside = try FileManager.default.subpathsOfDirectory(atPath: "\(directory)/kontor/staging")
          .filter { !$0.hasSuffix("blobs") && !$0.hasSuffix("sha256") && $0.contains("/") }
        #expect(inside.count == 2 + 3, "\(inside)")
      }
      #expect(try String(contentsOfFile: target, encoding: .utf8) == "kept")
      #expect(!FileManager.default.fileExists(atPath: "\(directory)/absolute"))
      #expect(!FileManager.default.fileExists(atPath: "\(directory)/outside"))
      #expect(leftovers(directory) == [])
    }
  }

  @Test("a blob that is not what its name says is refused, and nothing is left")
  func wrongBlob() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      var items = try sample.ociArchive
      items.insert(.init("blobs/sha256/\(sample.layerDigest.encoded)", "something else"), at: 0)
      let file = try TestArchive.make(directory, items)
      let error = refusal { try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory) }
      #expect(error.contains("\(sample.layerDigest) was refused"))
      #expect(leftovers(directory) == [])
    }
  }

  @Test("an archive that is no OCI archive is refused with what is missing of it")
  func noOCIArchive() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      func message(_ items: [TestArchive.Item]) throws -> String {
        let file = try TestArchive.make(directory, items)
        return refusal { try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory).root() }
      }
      #expect(try message([.init("etc/passwd", "root")]).contains("has no index.json"))
      #expect(try message(sample.dockerArchive).contains("use docker-archive:"))
      #expect(
        try message(sample.ociArchive + [.init("./index.json", "{}")]).contains("it has index.json twice"))
      let old = [TestArchive.Item("oci-layout", #"{"imageLayoutVersion":"2.0.0"}"#)]
      #expect(try message(old + sample.ociArchive.dropFirst()).contains("version that is not understood"))
      let huge = TestArchive.Item("index.json", String(repeating: " ", count: (16 << 20) + 1))
      #expect(try message([huge]).contains("more than"))
      let none = refusal {
        try ImportSource(OCIArchiveImport(file: "\(directory)/none", name: nil), cache: directory)
      }
      #expect(none == "there is no file \(directory)/none")
      #expect(leftovers(directory) == [])
    }
  }

  @Test("a truncated archive is refused")
  func truncated() async throws {
    try await withDirectory { directory in
      let file = try TestArchive.make(directory, try SampleImage().ociArchive, .gzip)
      let whole = try Data(contentsOf: URL(filePath: file))
      try whole.prefix(whole.count - 20).write(to: URL(filePath: file))
      let error = refusal { try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory) }
      #expect(error.contains("damaged"))
      #expect(leftovers(directory) == [])
    }
  }

  // MARK: Docker's archives

  @Test("an archive of docker save is an image of Docker's with its own config and uncompressed layers")
  func dockerArchive() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      for reference in [nil, "trade/hello", "docker.io/trade/hello:latest", "@0"] {
        let file = try TestArchive.make(directory, sample.dockerArchive)
        let (document, blobs) = try copied(DockerArchiveImport(file: file, reference: reference), directory)
        let manifest = try document.manifest()
        #expect(manifest.mediaType == .dockerManifest)
        #expect(manifest.config?.digest == Digest(hashing: sample.config))
        #expect(
          manifest.layers.map(\.mediaType.description) == ["application/vnd.docker.image.rootfs.diff.tar"])
        #expect(manifest.layers.map(\.digest) == [sample.diffID])
        #expect(blobs[sample.diffID] == sample.tar && blobs[Digest(hashing: sample.config)] == sample.config)
        #expect(leftovers(directory) == [])
      }
    }
  }

  @Test("layers that are links to others, or compressed, are found; the list may be anywhere")
  func dockerLinks() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let list = #"[{"Config":"c","RepoTags":null,"Layers":["b/layer.tar"]}]"#
      for layer in [sample.tar, sample.layer] {
        let file = try TestArchive.make(
          directory,
          [
            .init("manifest.json", list), .init("b/layer.tar", link: "../a/layer.tar"),
            .init("a/layer.tar", link: "../blobs/x"), .init("blobs/x", bytes: layer),
            .init("c", bytes: sample.config),
          ])
        let (document, blobs) = try copied(DockerArchiveImport(file: file, reference: nil), directory)
        #expect(try document.manifest().layers.map(\.digest) == [sample.diffID])
        #expect(blobs[sample.diffID] == sample.tar)
      }
    }
  }

  @Test("of several images in an archive of Docker's one must be named")
  func dockerAmbiguous() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let list = """
        [{"Config":"c","RepoTags":["one:v1"],"Layers":["l"]},{"Config":"c","RepoTags":[],"Layers":["l"]}]
        """
      let file = try TestArchive.make(
        directory,
        [
          .init("l", bytes: sample.tar), .init("c", bytes: sample.config), .init("manifest.json", list),
        ])
      func attempt(_ reference: String?) -> String {
        refusal { try ImportSource(DockerArchiveImport(file: file, reference: reference), cache: directory) }
      }
      #expect(attempt(nil).contains("has 2 images") && attempt(nil).contains("one:v1, @1"))
      #expect(attempt("one:v2").contains("has no image one:v2, only one:v1, @1"))
      #expect(attempt("@2").contains("has no image @2"))
      #expect(attempt("one:v1").hasPrefix("no error") && attempt("@1").hasPrefix("no error"))
    }
  }

  @Test("an archive of Docker's that does not tell the truth is refused, and nothing is left")
  func dockerLies() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      func message(_ list: String, _ items: [TestArchive.Item]) throws -> String {
        let file = try TestArchive.make(directory, [.init("manifest.json", list)] + items)
        return refusal { try ImportSource(DockerArchiveImport(file: file, reference: nil), cache: directory) }
      }
      let config = TestArchive.Item("c", bytes: sample.config)
      let layer = TestArchive.Item("l", bytes: sample.tar)
      let list = #"[{"Config":"c","Layers":["l"]}]"#
      #expect(try message(list, [config, .init("l", "wrong")]).contains("\(sample.diffID) was refused"))
      #expect(try message(list, [config]).contains("lacks the file l"))
      #expect(try message(list, [layer]).contains("lacks the file c"))
      #expect(try message(list, [config, layer, .init("manifest.json", list)]).contains("twice"))
      #expect(try message(#"[{"Config":"c","Layers":[]}]"#, [config]).contains("1 layers, the archive of 0"))
      #expect(try message("{}", [config]).contains("not a list of images"))
      #expect(try message("[]", []).contains("has no image"))
      let outside = #"[{"Config":"../../etc/passwd","Layers":["l"]}]"#
      #expect(try message(outside, [layer]).contains("which is no file in it"))
      let circle = [TestArchive.Item("l", link: "m"), .init("m", link: "l")]
      #expect(try message(list, [config] + circle).contains("in circles"))
      // A link to a file of this machine is none of the archive's.
      #expect(try message(list, [config, .init("l", link: "/etc/passwd")]).contains("lacks the file l"))
      let other = String(repeating: "0", count: 64)
      let named = #"[{"Config":"\#(other).json","Layers":["l"]}]"#
      #expect(
        try message(named, [layer, .init("\(other).json", bytes: sample.config)])
          .contains("the image's config has the digest"))
      #expect(leftovers(directory) == [])
    }
  }

  // MARK: Root file systems

  @Test("a root file system becomes the same image each time, however it is compressed")
  func rootFS() async throws {
    try await withDirectory { directory in
      var options = RootFSTarImport.Options()
      options.platform = Platform(os: "linux", architecture: "arm64")
      options.execution.entrypoint = ["/bin/hello"]
      options.execution.environment = ["A=b"]
      var digests: Set<Digest> = []
      for compression in Compression.allCases {
        let items = [TestArchive.Item("bin/hello", "#!/bin/sh\n"), .init("etc/x", "y")]
        let file = try TestArchive.make(directory, items, compression)
        let (document, blobs) = try copied(RootFSTarImport(file: file, options: options), directory)
        digests.insert(document.digest)
        let manifest = try document.manifest()
        #expect(manifest.mediaType == .ociImageManifest && manifest.layers.count == 1)
        let bytes = try #require(manifest.config.flatMap { blobs[$0.digest] })
        let config = try ImageConfig(parsing: bytes)
        #expect(config.created == nil && config.config == options.execution)
        #expect(config.platform == options.platform)
        let layer = try #require(blobs[manifest.layers[0].digest])
        let content = try DecompressingReader(MemoryReader(layer)).contents(atMost: 1 << 20, of: "layer")
        #expect(content == (try TestArchive.bytes(items, .none)))
        #expect(config.rootfs.diffIDs == [Digest(hashing: content)])
      }
      #expect(digests.count == 1)
      #expect(leftovers(directory) == [])
    }
  }

  @Test("what is no archive of a root file system is refused")
  func noRootFS() async throws {
    try await withDirectory { directory in
      let file = "\(directory)/file"
      func message(_ data: Data) throws -> String {
        try data.write(to: URL(filePath: file))
        return refusal { try ImportSource(RootFSTarImport(file: file, options: .init()), cache: directory) }
      }
      #expect(try message(Data()).contains("empty archive"))
      #expect(try message(Data(repeating: 0x41, count: 4096)).contains("not a tar archive"))
      let archive = Data(try TestArchive.bytes([.init("x", String(repeating: "y", count: 4096))], .none))
      #expect(try message(archive.prefix(2048)).contains("damaged"))
      #expect(leftovers(directory) == [])
    }
  }

  @Test("an import ends when the user stops it, and leaves nothing")
  func cancelled() async throws {
    try await withDirectory { directory in
      let file = try TestArchive.make(directory, try SampleImage().ociArchive)
      let error = refusal {
        try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory, isCancelled: { true })
      }
      #expect(error == "stopped")
      #expect(leftovers(directory) == [])
    }
  }

  // MARK: Parts

  /// Imports and copies an image whole into an OCI layout.
  private func copied(
    _ importing: any ImageImport, _ directory: String
  ) throws -> (ManifestDocument, [Digest: [UInt8]]) {
    let layout = OCILayout(path: "\(directory)/copy-\(UUID())")
    let source = try ImportSource(importing, cache: directory)
    _ = try ImageCopier(from: source, to: try LayoutDestination(layout, name: nil)).copy()
    let copy = LayoutSource(layout, name: nil)
    let root = try copy.root()
    var blobs: [Digest: [UInt8]] = [:]
    for blob in try root.manifest().blobs {
      blobs[blob.digest] = try copy.blob(blob, from: 0).contents(atMost: 1 << 20, of: "blob")
    }
    return (root, blobs)
  }

  private func leftovers(_ cache: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(cache)/kontor/staging")) ?? []
  }
}
