import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Synchronization
import Testing

@testable import Runtimes

/// Archives of several images, written and read.
@Suite struct TransferArchiveTests {
  /// Three images with a layer that all have, one of them with a signature that is signed itself.
  private struct Sample {
    var images = MemoryImages()
    let shared: Descriptor
    let long: Descriptor
    let app: Descriptor
    let tool: Descriptor
    let both: Descriptor
    let signature: Descriptor
    let countersignature: Descriptor

    init() throws {
      shared = images.blob([UInt8](repeating: 7, count: 300_000))
      long = images.blob(
        Array("a layer with a long digest".utf8), "application/vnd.oci.image.layer.v1.tar", .sha512)
      app = try images.image([shared, images.blob([1, 2, 3])], config: #"{"a":1}"#)
      tool = try images.image([shared, long, images.blob([])], config: #"{"b":2}"#)
      both = try images.index([app, tool])
      signature = try images.image([images.blob([9, 9])], subject: app)
      countersignature = try images.image([images.blob([8])], subject: signature)
    }

    func image(_ name: String, _ root: Descriptor) throws -> TransferArchiveContents.Image {
      var options = ImageCopier.Options()
      options.includesReferrers = true
      let source = images.rooted(at: root)
      return .init(try ImageReference(parsing: name), try CopyPlan(of: source, options), of: source)
    }

    func all() throws -> [TransferArchiveContents.Image] {
      [
        try image("registry.example/team/both:v1", both), try image("registry.example/team/app:v1", app),
        try image("other.example:5000/tool", tool),
      ]
    }
  }

  private func write(
    _ images: [TransferArchiveContents.Image], without known: BlobInventory = BlobInventory(),
    in directory: String,
    jobs: Int = 3, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> String {
    let file = "\(directory)/archive-\(UUID())"
    try TransferArchiveWriter(TransferArchiveContents(images, without: known), to: file).write(
      jobs: jobs, isCancelled: isCancelled)
    return file
  }

  private func names(_ file: String) throws -> [String] {
    var names: [String] = []
    let reader = try TarReader(try ImageArchive.open(file))
    while let entry = try reader.next() { names.append(entry.path.description) }
    return names
  }

  /// Every blob of an image, as the source gives it.
  private func contents(_ source: any ImageSource) throws -> [Digest: [UInt8]] {
    var options = ImageCopier.Options()
    options.includesReferrers = true
    let plan = try CopyPlan(of: source, options)
    var found: [Digest: [UInt8]] = [:]
    for document in plan.manifests { found[document.digest] = document.bytes }
    for blob in plan.blobs {
      var bytes: [UInt8] = []
      try VerifyingReader(try source.blob(blob, from: 0), expecting: blob).forEachPiece { bytes += $0 }
      found[blob.digest] = bytes
    }
    return found
  }

  // MARK: Written and read

  @Test("what went in comes out; each blob is there once, and the index comes last")
  func whole() async throws {
    try await withDirectory { directory in
      let sample = try Sample()
      let file = try write(try sample.all(), in: directory)
      let names = try names(file)
      #expect(Set(names).count == names.count)
      #expect(names.first == "oci-layout" && names.last == "index.json")
      #expect(names.filter { $0.hasPrefix("blobs/sha512/") && $0.count > 100 }.count == 1)
      #expect(names.filter { $0.hasPrefix("blobs/sha256/") && $0.count > 20 }.count == 5 + 8)
      #expect(!names.contains("kontor.json"))

      let archive = try TransferArchive(file: file)
      #expect(
        archive.names == [
          "other.example:5000/tool:latest", "registry.example/team/app:v1", "registry.example/team/both:v1",
        ])
      for (name, root) in [
        ("registry.example/team/both:v1", sample.both), ("registry.example/team/app:v1", sample.app),
        ("other.example:5000/tool", sample.tool),
      ] {
        let source = TransferArchiveSource(archive, named: name)
        #expect(try source.root().digest == root.digest)
        let (found, expected) = (try contents(source), try contents(sample.images.rooted(at: root)))
        #expect(found == expected)
      }
      let referrers = try archive.referrers(of: sample.app.digest)
      #expect(referrers.map(\.digest) == [sample.signature.digest])
      #expect(
        referrers[0].artifactType == "application/vnd.example.signature" && referrers[0].annotations == nil)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
    }
  }

  @Test("it is an archive of an OCI image layout for whoever reads those")
  func layout() async throws {
    try await withDirectory { directory in
      let sample = try Sample()
      let file = try write(try sample.all(), in: directory)
      let source = try ImportSource(
        OCIArchiveImport(file: file, name: "registry.example/team/app:v1"), cache: directory)
      #expect(try source.root().digest == sample.app.digest)
      #expect(try source.referrers(of: sample.app.digest).map(\.digest) == [sample.signature.digest])
      let (found, expected) = (try contents(source), try contents(sample.images.rooted(at: sample.app)))
      #expect(found == expected)
    }
  }

  @Test("the same images give the same bytes, in whatever order they come, and once only")
  func deterministic() async throws {
    try await withDirectory { directory in
      let sample = try Sample()
      let images = try sample.all()
      let first = try Data(contentsOf: URL(filePath: write(images, in: directory, jobs: 1)))
      let second = try Data(
        contentsOf: URL(filePath: write(images.reversed() + images, in: directory, jobs: 8)))
      #expect(first == second && first.count % 512 == 0)
    }
  }

  @Test("names are whole, and one name is one image")
  func imageNames() throws {
    let digest = Digest(hashing: [1])
    let other = Digest(hashing: [2])
    for (text, name) in [
      ("hello", "docker.io/library/hello:latest"), ("registry.example/a:v1", "registry.example/a:v1"),
      ("registry.example/a:v1@\(digest)", "registry.example/a:v1"),
      ("registry.example/a@\(digest)", "registry.example/a@\(other)"),
    ] {
      #expect(TransferArchive.name(of: try ImageReference(parsing: text), root: other).description == name)
    }
    let sample = try Sample()
    let words = refusal {
      try TransferArchiveContents([
        sample.image("registry.example/a:v1", sample.app), sample.image("registry.example/a:v1", sample.tool),
      ])
    }
    #expect(words.contains("registry.example/a:v1 would be two images"))
  }

  // MARK: Left out

  @Test("what the other side has is left out, but for manifests, and asked for by where it is")
  func since() async throws {
    try await withDirectory { directory in
      let sample = try Sample()
      let first = try write([sample.image("registry.example/base:v1", sample.tool)], in: directory)
      var known = try BlobInventory(file: first)
      let place = try QualifiedRepository(parsing: "registry.example/base")
      #expect(known.repositories(having: sample.shared.digest) == [place])
      #expect(known.repositories(having: sample.tool.digest) == [place])

      let contents = try TransferArchiveContents(
        [sample.image("registry.example/both:v1", sample.both)], without: known)
      #expect(contents.omitted.map(\.digest).contains(sample.shared.digest) && contents.omitted.count == 4)
      #expect(contents.omittedBytes > 300_000 && contents.bytes < 100)
      let second = "\(directory)/second"
      try TransferArchiveWriter(contents, to: second).write(jobs: 2)
      let names = try names(second)
      #expect(names.suffix(2) == ["kontor.json", "index.json"])
      #expect(!names.contains("blobs/sha256/\(sample.shared.digest.encoded)"))
      #expect(names.contains("blobs/sha256/\(sample.tool.digest.encoded)"))

      let archive = try TransferArchive(file: second)
      #expect(archive.omitted[sample.shared.digest]?.repositories == [place])
      #expect(archive.omitted[sample.shared.digest]?.size == sample.shared.size)
      let source = TransferArchiveSource(archive, named: "registry.example/both:v1")
      let words = refusal { try source.blob(sample.shared, from: 0) }
      #expect(words.contains("\(sample.shared.digest) of registry.example/both:v1 was left out"))
      #expect(words.contains("registry.example/base") && words.contains("kontor inventory"))

      // What the other side has then is said alike by whoever wrote the archive and by whoever reads it.
      var read = known
      read.add(try BlobInventory(file: second))
      known.add(contents.inventory)
      #expect(read == known)
      let third = try TransferArchiveContents(
        [sample.image("registry.example/new:v1", sample.both)], without: known)
      #expect(third.blobCount == 0 && third.manifestCount == 5)
    }
  }

  @Test("a registry is asked where blobs may be: what was brought before first, then what inventories say")
  func places() async throws {
    try await withDirectory { directory in
      let sample = try Sample()
      var known = BlobInventory()
      known.add(sample.shared.digest, in: try QualifiedRepository(parsing: "old.example:5000/mirror/base"))
      let file = try write(
        [sample.image("registry.example/both:v1", sample.both)], without: known, in: directory)
      let archive = try TransferArchive(file: file)
      let target = try RegistryPrefix(parsing: "inner.example/mirror")
      let places = ImportPlaces(of: archive, at: target)
      let source = places.source(named: nil)
      #expect(
        source.origins(of: sample.shared).map(\.description) == [
          "inner.example/mirror/base", "inner.example/mirror/mirror/base",
          "inner.example/mirror/old.example-5000/mirror/base",
        ])
      #expect(source.origins(of: sample.long) == [])
      let plan = places.ordered(try CopyPlan(of: source, ImageCopier.Options()))
      #expect(plan.blobs.first?.digest == sample.shared.digest)
      let here = try QualifiedRepository(parsing: "inner.example/mirror/both")
      places.add(plan, in: here)
      #expect(source.origins(of: sample.long) == [here])
      #expect(source.origins(of: sample.shared).first == here)
    }
  }

  // MARK: What goes wrong

  @Test(
    "a blob that is not what its name says ends it, and nothing is left", arguments: [0, 299_999, 300_001])
  func wrongContent(count: Int) async throws {
    try await withDirectory { directory in
      var sample = try Sample()
      sample.images.replaced[sample.shared.digest] = [UInt8](repeating: 7, count: count)
      let words = refusal { try write(sample.all(), in: directory) }
      #expect(words.contains("\(sample.shared.digest) was refused"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
    }
  }

  @Test("stopped anywhere, nothing is left")
  func stopped() async throws {
    try await withDirectory { directory in
      let sample = try Sample()
      var stops = 0
      while try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty {
        let asked = Mutex(0)
        let most = stops
        do {
          _ = try write(sample.all(), in: directory) {
            asked.withLock { asked in
              asked += 1
              return asked > most
            }
          }
        } catch TransferError.cancelled {
          stops += 1
        }
      }
      #expect(stops > 8)
    }
  }

  @Test("what is there already stays, and a blob that cannot be is refused before anything is written")
  func refused() async throws {
    try await withDirectory { directory in
      var sample = try Sample()
      let file = "\(directory)/kept"
      try Data("kept".utf8).write(to: URL(filePath: file))
      let contents = try TransferArchiveContents(sample.all())
      #expect(refusal { try TransferArchiveWriter(contents, to: file) }.contains("is there already"))
      #expect(
        refusal { try TransferArchiveWriter(contents, to: "\(directory)/none/file") }.contains("No such file")
      )

      var huge = sample.images.blob([5])
      for (size, words) in [(Int64.max, "cannot have"), (1 << 46, "no space is left for more than")] {
        huge.size = size
        let image = try sample.images.image([huge])
        #expect(
          refusal { try write([sample.image("registry.example/huge:v1", image)], in: directory) }.contains(
            words))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["kept"])
    }
  }

  @Test("an archive that is cut off anywhere is none")
  func truncated() async throws {
    try await withDirectory { directory in
      let whole = try Data(contentsOf: URL(filePath: write(try Sample().all(), in: directory)))
      let file = "\(directory)/cut"
      // The last kilobyte is the archive's end, before which there is no more than a block's rest.
      for count in Array(stride(from: 0, to: whole.count - 1024 - 512, by: 4999)) + [whole.count - 1024 - 512]
      {
        try whole.prefix(count).write(to: URL(filePath: file))
        let words = refusal { try TransferArchive(file: file) }
        #expect(words.contains("cut off"), "\(count): \(words)")
      }
      try whole.prefix(whole.count - 1024).write(to: URL(filePath: file))
      #expect(try TransferArchive(file: file).names.count == 3)
    }
  }

  @Test("of a hostile archive nothing is believed")
  func hostile() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      func archive(_ items: [TestArchive.Item], _ compression: Compression = .none) throws -> TransferArchive
      {
        try TransferArchive(file: try TestArchive.make(directory, items, compression))
      }
      let good = try sample.ociArchive(names: ["registry.example/hello:v1"])
      let target = "\(directory)/target"
      try Data("kept".utf8).write(to: URL(filePath: target))
      let odd = [
        TestArchive.Item("../../outside", "bad"), .init("\(directory)/absolute", "bad"),
        .init("blobs/sha256/short", "bad"), .init("index.json", link: target),
        .init("blobs", link: directory),
        .init("blobs/sha256/\(sample.layerDigest.encoded)", link: target), .init("a/index.json", "{}"),
      ]
      let found = try contents(
        TransferArchiveSource(try archive(odd + good), named: "registry.example/hello:v1"))
      #expect(found[sample.layerDigest] == sample.layer && found.count == 3)
      #expect(try String(contentsOfFile: target, encoding: .utf8) == "kept")

      // Whoever reads no more than the blob should have does not get all of a wrong one.
      let blob = Descriptor(
        mediaType: MediaType(""), digest: sample.layerDigest, size: Int64(sample.layer.count))
      let changed = TestArchive.Item(
        "blobs/sha256/\(sample.layerDigest.encoded)", bytes: [UInt8](repeating: 0, count: sample.layer.count))
      let reader = try #require(try archive([changed] + good).blob(blob, from: 0))
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: sample.layer.count, alignment: 1)
      defer { buffer.deallocate() }
      #expect(refusal { try reader.read(into: buffer) }.contains("was refused"))
      let short = TestArchive.Item("blobs/sha256/\(sample.layerDigest.encoded)", "short")
      #expect(
        refusal { try archive([short] + good).blob(blob, from: 0) }.contains("5 bytes where its descriptor"))

      let large = TestArchive.Item("index.json", String(repeating: " ", count: (16 << 20) + 1))
      let old = TestArchive.Item("oci-layout", #"{"imageLayoutVersion":"2.0.0"}"#)
      for (items, words) in [
        (good + [.init("./index.json", "{}")], "it has index.json twice"), ([good[0], large], "too much"),
        ([good[0]], "no index.json"), (sample.dockerArchive, "use docker-archive:"), ([], "no index.json"),
        ([good[0], .init("index.json", "{")], "index.json in"), (Array(good.dropFirst()), "no oci-layout"),
        ([old] + good.dropFirst(), "version that is not understood"),
        (good + [.init("kontor.json", "[]")], "kontor.json in"),
        (good + [.init("kontor.json", #"{"version":2,"omitted":[]}"#)], "its version is 2"),
        (
          good + [
            .init("kontor.json", #"{"version":1,"omitted":[{"digest":"x","size":1,"repositories":[]}]}"#)
          ],
          "not a digest"
        ),
      ] {
        let error = refusal { try archive(items) }
        #expect(error.contains(words), "\(error)")
      }
      #expect(refusal { try archive(good, .gzip) }.contains("use oci-archive:"))
      var limits = UnpackLimits()
      limits.entries = 3
      let file = try TestArchive.make(directory, good)
      #expect(refusal { try TransferArchive(file: file, limits: limits) }.contains("--max-entries"))
      #expect(
        refusal { try TransferArchive(file: "\(directory)/none") } == "there is no file \(directory)/none")
      #expect(refusal { try TransferArchive(file: directory) }.contains("no regular file"))
      #expect(refusal { try TransferArchive(file: "/etc/hostname") }.contains("no uncompressed tar archive"))
    }
  }
}
