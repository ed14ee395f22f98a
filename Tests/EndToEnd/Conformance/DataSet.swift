import Foundation
import Testing

/// The kinds of content that a registry has to take, keep and give out, whatever it makes of them.
enum DataSet: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case image
  case imageWithoutMediaType = "an image whose manifest has no mediaType"
  case uncompressedLayers = "an image of uncompressed layers"
  case noLayers = "an image without layers"
  case emptyLayer = "an image with a layer of no bytes"
  case repeatedLayer = "an image with the same layer twice"
  case nondistributableLayers = "an image whose layers are partly elsewhere"
  case unknownLayers = "an image with layers of unknown types"
  case dataField = "an image with its config in the descriptor"
  case largeDataField = "an image with a layer of a megabyte in the descriptor"
  case emptyDataField = "an image with an empty layer in the descriptor"
  case customFields = "an index and images with properties of nobody's specification"
  case formattedManifest = "an image whose manifest is written for people"
  case largeManifest = "an image with a manifest of nearly four megabytes"
  case index = "an index of two platforms"
  case emptyIndex = "an index of nothing"
  case nestedIndex = "an index of indexes"
  case sha512 = "an index and images named by SHA-512"
  case artifact
  case artifactWithoutContent = "an artifact whose layer is the empty one"
  case artifactWithoutLayers = "an artifact without layers"
  case artifactWithoutType = "an artifact whose type is its config's"
  case artifactIndex = "an index of artifacts"
  case artifactsWithSubject = "an image and what refers to it"
  case indexWithSubject = "an index and the indexes that refer to it"
  case missingSubject = "an artifact whose subject is not there"
  case subjectChain = "a seal of a bill of an image"
  case dockerImage = "a Docker image"
  case dockerList = "a Docker manifest list"
  case ociArtifactManifest = "an artifact manifest of OCI's release candidates"
  case orasArtifactManifest = "an artifact manifest of ORAS"

  var testDescription: String { rawValue }

  /// Content of this kind that no other test has.
  func goods() throws -> Goods {
    var goods = Goods()
    switch self {
    case .index: try goods.addPlatforms(tag: "v1")
    case .emptyIndex: try goods.addIndex(of: [], tag: "v1")
    case .nestedIndex:
      let indexes = try (0..<2).map { _ in try goods.addPlatforms() }
      try goods.addIndex(of: indexes, tag: "v1")
    case .sha512: try goods.addPlatforms(tag: "v1", algorithm: .sha512)
    case .customFields: try goods.addPlatforms(tag: "v1", custom: ["org.example.\(UUID())": "\(UUID())"])
    case .artifact, .artifactWithoutContent, .artifactWithoutLayers, .artifactWithoutType, .artifactIndex:
      try addArtifacts(to: &goods)
    case .artifactsWithSubject, .indexWithSubject, .missingSubject, .subjectChain:
      try addSubjects(to: &goods)
    case .dockerImage, .dockerList: try addDocker(to: &goods)
    case .ociArtifactManifest, .orasArtifactManifest: try addArtifactManifests(to: &goods)
    default: try addImage(to: &goods)
    }
    return goods
  }

  private func addImage(to goods: inout Goods) throws {
    switch self {
    case .uncompressedLayers:
      try goods.addImage(layers: [.random(5000, MediaType.layer), .random(10, MediaType.layer)], tag: "v1")
    case .noLayers: try goods.addImage(layers: [], tag: "v1")
    case .emptyLayer: try goods.addImage(layers: [Content(Data(), MediaType.layer)], tag: "v1")
    case .repeatedLayer:
      try goods.addImage(layers: Array(repeating: .random(900, MediaType.gzipLayer), count: 2), tag: "v1")
    case .unknownLayers:
      try goods.addImage(layers: [.random(40, "text/plain"), .random(40, MediaType.bill)], tag: "v1")
    case .largeManifest:
      // As many and as long as those of the specification's own conformance program.
      let long = String(repeating: "A", count: 10_000)
      let annotations = Dictionary(uniqueKeysWithValues: (0..<390).map { ("large-annotation-\($0)", long) })
      try goods.addImage(tag: "v1", annotations: annotations)
    case .nondistributableLayers: try addNondistributableLayers(to: &goods)
    case .imageWithoutMediaType, .formattedManifest, .dataField, .largeDataField, .emptyDataField:
      try addUnusualManifest(to: &goods)
    default: try goods.addImage(tag: "v1")
    }
  }

  private func addUnusualManifest(to goods: inout Goods) throws {
    let size = self == .largeDataField ? 1 << 20 : self == .emptyDataField ? 0 : 800
    let layer = Content.random(size, MediaType.gzipLayer)
    let config = Content(
      Data(#"{"architecture":"amd64","author":"\#(UUID())","os":"linux"}"#.utf8), MediaType.config)
    var descriptors = goods.add(config, layer)
    if self == .dataField { descriptors[0].data = config.bytes }
    if self == .largeDataField || self == .emptyDataField { descriptors[1].data = layer.bytes }
    try goods.add(
      ContentManifest(
        mediaType: self == .imageWithoutMediaType ? nil : MediaType.manifest, config: descriptors[0],
        layers: [descriptors[1]]),
      tag: "v1", formatting: self == .formattedManifest ? .prettyPrinted : [])
  }

  /// Image-spec, layer.md, section "Non-Distributable Layers".
  private func addNondistributableLayers(to goods: inout Goods) throws {
    let elsewhere = ["", "+gzip"].map { suffix in
      var layer = Content.random(256, MediaType.nondistributableLayer + suffix).descriptor
      layer.size = 123_456
      layer.urls = ["https://store.example.com/blobs/\(layer.digest.replacing(":", with: "/"))"]
      return layer
    }
    let here = goods.add(.random(300, MediaType.config), .random(600, MediaType.gzipLayer))
    try goods.add(
      ContentManifest(mediaType: MediaType.manifest, config: here[0], layers: elsewhere + [here[1]]),
      tag: "v1")
  }

  private func addArtifacts(to goods: inout Goods) throws {
    switch self {
    case .artifactWithoutContent:
      try goods.addArtifact(MediaType.bill, tag: "v1", layers: [.emptyJSON()])
    case .artifactWithoutLayers:
      try goods.addArtifact(MediaType.bill, tag: "v1", layers: [])
    case .artifactWithoutType:
      let parts = goods.add(.random(300, MediaType.bill), .random(600))
      try goods.add(
        ContentManifest(mediaType: MediaType.manifest, config: parts[0], layers: [parts[1]]), tag: "v1")
    case .artifactIndex:
      let artifacts = try (0..<2).map { _ in try goods.addArtifact(MediaType.bill) }
      try goods.addIndex(of: artifacts, artifactType: MediaType.bill, tag: "v1")
    default:
      try goods.addArtifact(MediaType.bill, tag: "v1")
    }
  }

  private func addSubjects(to goods: inout Goods) throws {
    let annotations = ["org.example.greeting": "hello \u{2693}", "org.example.\(UUID())": "\(UUID())"]
    switch self {
    case .artifactsWithSubject:
      let image = try goods.addImage(tag: "v1")
      try goods.addImage(subject: image)
      try goods.addArtifact(MediaType.bill, subject: image, tag: "bill", annotations: annotations)
      try goods.addArtifact(MediaType.seal, subject: image, tag: "seal", annotations: annotations)
    case .indexWithSubject:
      let index = try goods.addPlatforms(tag: "v1")
      let artifacts = try (0..<2).map { _ in try goods.addArtifact(MediaType.bill) }
      try goods.addIndex(
        of: artifacts, artifactType: MediaType.bill, subject: index, tag: "bills", annotations: annotations)
      try goods.addIndex(of: [], subject: index, tag: "nothing", annotations: annotations)
    case .missingSubject:
      let missing = Content.random(123, MediaType.manifest).descriptor
      try goods.addArtifact(MediaType.bill, subject: missing, tag: "v1", annotations: annotations)
    default:
      let image = try goods.addImage(tag: "v1")
      let bill = try goods.addArtifact(MediaType.bill, subject: image, annotations: annotations)
      try goods.addArtifact(MediaType.seal, subject: bill)
    }
  }

  private func addArtifactManifests(to goods: inout Goods) throws {
    let type = self == .ociArtifactManifest ? MediaType.ociArtifact : MediaType.orasArtifact
    let image = try goods.addImage(tag: "v1")
    let blobs = goods.add(.random(500, MediaType.bill))
    try goods.add(
      ContentManifest(
        mediaType: type, artifactType: MediaType.bill, blobs: blobs, subject: image,
        annotations: ["org.example.greeting": "hello"]),
      tag: "bill")
    try goods.add(
      ContentManifest(mediaType: type, artifactType: MediaType.seal, blobs: [], subject: image))
  }

  private func addDocker(to goods: inout Goods) throws {
    let images = try ["amd64", "arm64"].prefix(self == .dockerList ? 2 : 1).map { platform in
      let parts = goods.add(.random(300, MediaType.dockerConfig), .random(800, MediaType.dockerLayer))
      var image = try goods.add(
        ContentManifest(mediaType: MediaType.dockerManifest, config: parts[0], layers: [parts[1]]),
        tag: self == .dockerList ? nil : "v1")
      image.platform = .init(architecture: platform)
      return image
    }
    if self == .dockerList {
      try goods.add(ContentManifest(mediaType: MediaType.dockerList, manifests: images), tag: "v1")
    }
  }
}
