import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer

/// `docker-archive:FILE[:REFERENCE]`: what `docker save` writes, in its older form (`ID/layer.tar`) and its newer one (`blobs/`).
///
/// The image's config stays as it is; its manifest, which such an archive has not, is one of Docker's with uncompressed layers,
/// the same for the same archive. Every layer is verified against the config's DiffIDs, and the config against its name where
/// that is its digest.
public struct DockerArchiveImport: ImageImport {
  private let archive: ImageArchive
  private let reference: String?

  private static let largestDocument = 8 << 20
  private static let configType = MediaType("application/vnd.docker.container.image.v1+json")
  private static let layerType = MediaType("application/vnd.docker.image.rootfs.diff.tar")

  /// - Parameter reference: of the image in the archive, `NAME[:TAG]`, or `@` and its number from 0 on; nil for the only one.
  public init(file: String, reference: String?) {
    self.init(ImageArchive(file: file), reference: reference, description: "docker-archive:\(file)")
  }

  init(_ archive: ImageArchive, reference: String?, description: String) {
    self.archive = archive
    self.reference = reference
    self.description = description
  }

  public let description: String

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    try layout.create()
    var files: [String: Descriptor] = [:]
    let budget = UnpackBudget(limits)
    // The list of what is wanted may come last, and what it names before: so a file is read twice, and of a stream all
    // is kept.
    let contents = try contents(limits, check) { name, reader in
      if archive.isStream { files[name] = try keep(reader, in: layout, budget, check) }
    }
    let image = try choose(in: try contents.images(of: archive))
    let configName = try contents.place(of: image.config, in: archive)
    let layerNames = try image.layers.map { try contents.place(of: $0, in: archive) }
    if !archive.isStream {
      let wanted = Set(layerNames + [configName])
      try archive.forEachEntry(limits: limits) { entry, name, reader in
        try check()
        guard entry.kind == .file, wanted.contains(name) else { return }
        files[name] = try keep(reader, in: layout, budget, check)
      }
    }
    guard var config = files[configName] else { throw missing(image.config) }
    config.mediaType = Self.configType
    let diffIDs = try diffIDs(of: config, in: layout, named: image.config)
    guard diffIDs.count == layerNames.count else {
      throw TransferError.notAnImage(
        "\(archive.name): the image's config speaks of \(diffIDs.count) layers, the archive of \(layerNames.count)"
      )
    }
    let descriptors = try zip(layerNames, diffIDs).map { name, diffID in
      guard let layer = files[name] else { throw missing(name) }
      guard layer.digest == diffID else {
        throw TransferError.wrongContent(diffID, reason: "the layer \(name) has the digest \(layer.digest)")
      }
      return layer
    }
    let manifest = ImageManifest(mediaType: .dockerManifest, config: config, layers: descriptors)
    try layout.add(try layout.write(try manifest.bytes, as: .dockerManifest), name: nil)
    return nil
  }

  private func missing(_ name: String) -> TransferError {
    .notAnImage("\(archive.name) lacks the file \(name), of which its manifest.json speaks")
  }

  /// Keeps a file of the archive as a blob. Layers may be compressed, as those of containerd's images are; the DiffIDs are of
  /// what is inside.
  private func keep(
    _ reader: TarReader, in layout: OCILayout, _ budget: UnpackBudget, _ check: () throws -> Void
  ) throws -> Descriptor {
    let writer = try LayoutBlobWriter(layout)
    try writer.write(try DecompressingReader(reader, within: budget), check: check)
    return try writer.finish(Self.layerType)
  }

  /// What the config says of the layers.
  /// - Throws: `TransferError` if it is no config, or not the one that its name says.
  private func diffIDs(
    of config: Descriptor, in layout: OCILayout, named name: String
  ) throws(TransferError) -> [Digest] {
    let stem = name.split(separator: "/").last.map { $0.hasSuffix(".json") ? $0.dropLast(5) : $0 } ?? ""
    if let digest = try? Digest(parsing: "sha256:\(stem)"), config.digest != digest {
      throw .wrongContent(digest, reason: "the image's config has the digest \(config.digest)")
    }
    guard let bytes = try LocalFile.contents(layout.blobPath(config.digest), atMost: Self.largestDocument)
    else { throw missing(name) }
    do {
      return try ImageConfig(parsing: bytes).rootfs.diffIDs
    } catch {
      throw .notAnImage("\(archive.name): \(error)")
    }
  }

  // MARK: Which image

  /// - Throws: `TransferError.notFound` with the images that there are.
  private func choose(in images: [DockerArchiveContents.Image]) throws(TransferError)
    -> DockerArchiveContents.Image
  {
    let names = images.enumerated().map { number, image in
      image.tags.isEmpty ? "@\(number)" : image.tags.joined(separator: ", ")
    }.joined(separator: ", ")
    guard let reference else {
      if images.count == 1 { return images[0] }
      if images.isEmpty { throw .notFound("\(archive.name) has no image") }
      throw .notFound(
        "\(archive.name) has \(images.count) images: name one of them, as in \(self.description):NAME: \(names)"
      )
    }
    if reference.hasPrefix("@"), let number = Int(reference.dropFirst()), images.indices.contains(number) {
      return images[number]
    }
    let known = Self.normalized(reference)
    if let found = images.first(where: { $0.tags.contains { Self.normalized($0) == known } }) { return found }
    throw .notFound("\(archive.name) has no image \(reference), only \(names)")
  }

  /// With what Docker's short names leave out.
  private static func normalized(_ name: String) -> String {
    guard let reference = try? ImageReference(parsing: name) else { return name }
    let tag = reference.tag ?? .latest
    return "\(reference.registry)/\(reference.repository):\(tag)"
  }

  // MARK: What the archive has

  /// - Parameter others: gets the files that are no list.
  private func contents(
    _ limits: UnpackLimits, _ check: () throws -> Void, others: (_ name: String, TarReader) throws -> Void
  ) throws -> DockerArchiveContents {
    var result = DockerArchiveContents()
    try archive.forEachEntry(limits: limits) { entry, name, reader in
      try check()
      switch entry.kind {
      case .file:
        guard name == "manifest.json" else { return try others(name, reader) }
        let bytes = try reader.contents(atMost: Self.largestDocument, of: "manifest.json in \(archive.name)")
        guard result.list == nil else {
          throw TransferError.notAnImage("\(archive.name) is ambiguous: it has manifest.json twice")
        }
        result.list = bytes
      case .symbolicLink(let target):
        try result.add(ImageArchive.name(linkedFrom: name, to: target), at: name)
      case .hardLink(let target): try result.add(ImageArchive.name(target), at: name)
      default: return
      }
    }
    return result
  }
}

/// What an archive of Docker's says of its images, and where its links lead.
private struct DockerArchiveContents {
  struct Image {
    var config: String
    var tags: [String]
    var layers: [String]
  }

  /// `manifest.json`
  var list: [UInt8]?
  private var links: [String: String] = [:]

  /// More links than any image has layers.
  private static let mostLinks = 100_000
  /// Links to links; more go round in circles.
  private static let deepest = 16

  /// - Parameter target: nil for a place outside the archive, which is no place then.
  mutating func add(_ target: String?, at name: String) throws(TransferError) {
    guard links.count < Self.mostLinks else { throw .notAnImage("the archive has too many links") }
    links[name] = target
  }

  /// The images, in the archive's order.
  /// - Throws: `TransferError.notAnImage`
  func images(of archive: ImageArchive) throws(TransferError) -> [Image] {
    guard let list else {
      throw .notAnImage(
        "\(archive.name) is no archive of 'docker save': it has no manifest.json (OCI archives are oci-archive:FILE)"
      )
    }
    struct Entry: Decodable {
      var Config: String
      var RepoTags: [String]?
      var Layers: [String]?
    }
    guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(list)) else {
      throw .notAnImage("\(archive.name): its manifest.json is not a list of images")
    }
    return entries.map { Image(config: $0.Config, tags: $0.RepoTags ?? [], layers: $0.Layers ?? []) }
  }

  /// The name of the archive's file that a name means.
  /// - Throws: `TransferError.notAnImage` if it leads nowhere.
  func place(of text: String, in archive: ImageArchive) throws(TransferError) -> String {
    guard var name = ImageArchive.name(RawPath(text)) else {
      throw .notAnImage(
        "\(archive.name): its manifest.json names \(text.quotedForMessage), which is no file in it")
    }
    for _ in 0..<Self.deepest {
      guard let target = links[name] else { return name }
      name = target
    }
    throw .notAnImage("\(archive.name): the links from \(text.quotedForMessage) on go round in circles")
  }
}
