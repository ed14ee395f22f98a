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
  private let file: ImageFile
  private let reference: String?

  private static let largestDocument = 8 << 20
  private static let configType = MediaType("application/vnd.docker.container.image.v1+json")
  private static let layerType = MediaType("application/vnd.docker.image.rootfs.diff.tar")

  /// - Parameter reference: of the image in the archive, `NAME[:TAG]`, or `@` and its number from 0 on; nil for the only one.
  public init(file: String, reference: String?) {
    self.file = ImageFile(path: file)
    self.reference = reference
  }

  public var description: String { "docker-archive:\(file.path)" }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    // The list of what is wanted may come last, and what it names before: so the archive is read twice.
    let contents = try contents(limits, check)
    let image = try choose(in: try contents.images(of: file))
    let configName = try contents.place(of: image.config, in: file)
    let layerNames = try image.layers.map { try contents.place(of: $0, in: file) }

    var configBytes: [UInt8]?
    var layers: [String: Descriptor] = [:]
    let wanted = Set(layerNames)
    let budget = UnpackBudget(limits)
    try layout.create()
    try file.forEachEntry(limits: limits) { entry, name, reader in
      try check()
      guard entry.kind == .file else { return }
      if name == configName {
        configBytes = try reader.contents(atMost: Self.largestDocument, of: "\(name) in \(file.path)")
      } else if wanted.contains(name) {
        let writer = try LayoutBlobWriter(layout)
        // containerd's images have them compressed; the DiffIDs are of what is inside.
        try writer.write(try DecompressingReader(reader, within: budget), check: check)
        layers[name] = try writer.finish(Self.layerType)
      }
    }
    guard let configBytes else { throw missing(image.config) }
    let diffIDs = try diffIDs(of: configBytes, named: image.config)
    guard diffIDs.count == layerNames.count else {
      throw TransferError.notAnImage(
        "\(file.path): the image's config speaks of \(diffIDs.count) layers, the archive of \(layerNames.count)"
      )
    }
    let descriptors = try zip(layerNames, diffIDs).map { name, diffID in
      guard let layer = layers[name] else { throw missing(name) }
      guard layer.digest == diffID else {
        throw TransferError.wrongContent(diffID, reason: "the layer \(name) has the digest \(layer.digest)")
      }
      return layer
    }
    let config = try layout.write(configBytes, as: Self.configType)
    let manifest = ImageManifest(mediaType: .dockerManifest, config: config, layers: descriptors)
    try layout.add(try layout.write(try manifest.bytes, as: .dockerManifest), name: nil)
    return nil
  }

  private func missing(_ name: String) -> TransferError {
    .notAnImage("\(file.path) lacks the file \(name), of which its manifest.json speaks")
  }

  /// What the config says of the layers.
  /// - Throws: `TransferError` if it is no config, or not the one that its name says.
  private func diffIDs(of config: [UInt8], named name: String) throws(TransferError) -> [Digest] {
    let stem = name.split(separator: "/").last.map { $0.hasSuffix(".json") ? $0.dropLast(5) : $0 } ?? ""
    if let digest = try? Digest(parsing: "sha256:\(stem)") {
      let actual = Digest(hashing: config)
      guard actual == digest else {
        throw .wrongContent(digest, reason: "the image's config has the digest \(actual)")
      }
    }
    do {
      return try ImageConfig(parsing: config).rootfs.diffIDs
    } catch {
      throw .notAnImage("\(file.path): \(error)")
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
      if images.isEmpty { throw .notFound("\(file.path) has no image") }
      throw .notFound(
        "\(file.path) has \(images.count) images: name one of them, as in \(self.description):NAME: \(names)")
    }
    if reference.hasPrefix("@"), let number = Int(reference.dropFirst()), images.indices.contains(number) {
      return images[number]
    }
    let known = Self.normalized(reference)
    if let found = images.first(where: { $0.tags.contains { Self.normalized($0) == known } }) { return found }
    throw .notFound("\(file.path) has no image \(reference), only \(names)")
  }

  /// With what Docker's short names leave out.
  private static func normalized(_ name: String) -> String {
    guard let reference = try? ImageReference(parsing: name) else { return name }
    let tag = reference.tag ?? .latest
    return "\(reference.registry)/\(reference.repository):\(tag)"
  }

  // MARK: What the archive has

  private func contents(_ limits: UnpackLimits, _ check: () throws -> Void) throws -> DockerArchiveContents {
    var result = DockerArchiveContents()
    try file.forEachEntry(limits: limits) { entry, name, reader in
      try check()
      switch entry.kind {
      case .file:
        guard name == "manifest.json" else { return }
        let bytes = try reader.contents(atMost: Self.largestDocument, of: "manifest.json in \(file.path)")
        guard result.list == nil else {
          throw TransferError.notAnImage("\(file.path) is ambiguous: it has manifest.json twice")
        }
        result.list = bytes
      case .symbolicLink(let target): try result.add(ImageFile.name(linkedFrom: name, to: target), at: name)
      case .hardLink(let target): try result.add(ImageFile.name(target), at: name)
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
  func images(of file: ImageFile) throws(TransferError) -> [Image] {
    guard let list else {
      throw .notAnImage(
        "\(file.path) is no archive of 'docker save': it has no manifest.json (OCI archives are oci-archive:FILE)"
      )
    }
    struct Entry: Decodable {
      var Config: String
      var RepoTags: [String]?
      var Layers: [String]?
    }
    guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(list)) else {
      throw .notAnImage("\(file.path): its manifest.json is not a list of images")
    }
    return entries.map { Image(config: $0.Config, tags: $0.RepoTags ?? [], layers: $0.Layers ?? []) }
  }

  /// The name of the archive's file that a name means.
  /// - Throws: `TransferError.notAnImage` if it leads nowhere.
  func place(of text: String, in file: ImageFile) throws(TransferError) -> String {
    guard var name = ImageFile.name(RawPath(text)) else {
      throw .notAnImage(
        "\(file.path): its manifest.json names \(text.quotedForMessage), which is no file in it")
    }
    for _ in 0..<Self.deepest {
      guard let target = links[name] else { return name }
      name = target
    }
    throw .notAnImage("\(file.path): the links from \(text.quotedForMessage) on go round in circles")
  }
}
