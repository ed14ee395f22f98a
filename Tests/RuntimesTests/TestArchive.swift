import Archive
import ContainerImage
import Foundation

@testable import Runtimes

/// Tar archives made for a test.
enum TestArchive {
  struct Item {
    var entry: TarEntry
    var data: [UInt8] = []

    init(_ path: String, bytes: [UInt8]) {
      entry = TarEntry(path: RawPath(path), kind: .file, mode: 0o644)
      data = bytes
    }

    init(_ path: String, _ text: String) { self.init(path, bytes: Array(text.utf8)) }

    init(_ path: String, link target: String) {
      entry = TarEntry(path: RawPath(path), kind: .symbolicLink(target: RawPath(target)), mode: 0o777)
    }
  }

  static func bytes(_ items: [Item], _ compression: Compression) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let writer = try TarWriter(to: ByteSink { bytes += $0 }, compression: compression)
    for item in items { try writer.add(item.entry, data: item.data) }
    try writer.finish()
    return bytes
  }

  /// - Returns: the path of a new file.
  static func make(_ directory: String, _ items: [Item], _ compression: Compression = .none) throws -> String
  {
    let file = "\(directory)/archive-\(UUID())"
    try Data(bytes(items, compression)).write(to: URL(filePath: file))
    return file
  }
}

/// A small image in all its parts.
struct SampleImage {
  let tar: [UInt8]
  let layer: [UInt8]
  let config: [UInt8]
  let manifest: [UInt8]

  var diffID: Digest { Digest(hashing: tar) }
  var layerDigest: Digest { Digest(hashing: layer) }

  init() throws {
    let items = [TestArchive.Item("etc/motd", "good day")]
    tar = try TestArchive.bytes(items, .none)
    layer = try TestArchive.bytes(items, .gzip)
    config = try stableJSON(
      ImageConfig(platform: .current, config: .init(), diffIDs: [Digest(hashing: tar)]))
    manifest = try ImageManifest(
      mediaType: .ociImageManifest,
      config: Descriptor(
        mediaType: .ociImageConfig, digest: Digest(hashing: config), size: Int64(config.count)),
      layers: [
        Descriptor(
          mediaType: MediaType("application/vnd.oci.image.layer.v1.tar+gzip"),
          digest: Digest(hashing: layer), size: Int64(layer.count))
      ]
    ).bytes
  }

  var ociArchive: [TestArchive.Item] { get throws { try ociArchive(names: []) } }

  func ociArchive(names: [String]) throws -> [TestArchive.Item] {
    var root = Descriptor(
      mediaType: .ociImageManifest, digest: Digest(hashing: manifest), size: Int64(manifest.count))
    var roots: [Descriptor] = []
    for name in names {
      root.annotations = [OCILayout.nameAnnotation: name]
      roots.append(root)
    }
    let index = String(
      decoding: try ImageIndex(manifests: roots.isEmpty ? [root] : roots).bytes, as: UTF8.self)
    let blobs = [config, layer, manifest].map { bytes in
      TestArchive.Item("blobs/sha256/\(Digest(hashing: bytes).encoded)", bytes: bytes)
    }
    return [.init("./oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#), .init("index.json", index)] + blobs
  }

  /// As `docker save` wrote it for long.
  var dockerArchive: [TestArchive.Item] {
    let name = Digest(hashing: config).encoded
    let list = #"[{"Config":"\#(name).json","RepoTags":["trade/hello:latest"],"Layers":["0a/layer.tar"]}]"#
    return [
      .init("0a/VERSION", "1.0"), .init("0a/layer.tar", bytes: tar), .init("\(name).json", bytes: config),
      .init("manifest.json", list),
    ]
  }
}
