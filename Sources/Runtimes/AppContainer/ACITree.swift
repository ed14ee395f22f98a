import AppContainer
import Archive
import ContainerImage
import ImageTransfer

/// An App Container Image with all those that it needs, and those that they need (appc 0.8.11, ace.md, "Filesystem
/// Setup").
struct ACITree {
  /// An image that was fetched and verified.
  struct Image {
    let path: String
    /// Bytes of its file.
    let size: Int64
    let summary: ACIReader.Summary
    let signature: [UInt8]?
  }

  /// What an image brings to the root file system. One that is needed twice is there twice.
  struct Part {
    let image: Image
    /// Of the images that need it, if they have one.
    let whitelists: [[String]]
  }

  /// In which the parts are put over each other: depth first, each after what it needs.
  private(set) var order: [Part] = []
  private var images: [ACImageName: Image] = [:]
  /// What is left of them for images that are fetched.
  private var limits: ACIReader.Limits
  private let mostBytes: Int64
  /// Of the parts; one that is there twice counts twice.
  private var bytes: Int64 = 0
  private let get: (ACImageName, ACIReader.Limits) throws -> Image

  private static let deepest = 16
  /// Docker takes images of at most 127 layers.
  private static let mostParts = 127

  /// - Parameters:
  ///   - limits: of all images together.
  ///   - get: fetches an image.
  init(limits: ACIReader.Limits, get: @escaping (ACImageName, ACIReader.Limits) throws -> Image) {
    self.limits = limits
    mostBytes = limits.bytes
    self.get = get
  }

  /// - Parameters:
  ///   - name: to ask for.
  ///   - explicit: the labels that the image must have; the others it may lack.
  /// - Throws: `TransferError`, `ArchiveError.overLimit`, and what `get` throws
  mutating func resolve(_ name: ACImageName, explicit: ACLabels) throws {
    try add(name, explicit: explicit, nil, whitelists: [], above: [])
  }

  private mutating func add(
    _ name: ACImageName, explicit: ACLabels, _ dependency: AppContainerManifest.Dependency?,
    whitelists: [[String]], above: [ACIImageID]
  ) throws {
    let image = try image(name)
    let summary = image.summary
    try Self.check(summary.manifest, is: name, explicit: explicit)
    if let dependency { try Self.check(image, is: dependency) }
    guard !above.contains(summary.imageID) else {
      throw TransferError.notAnImage(
        "\(name) needs images that need \(name): such a circle cannot be resolved")
    }
    guard above.count < Self.deepest else {
      throw TransferError.notAnImage(
        "\(name) is needed over more than \(Self.deepest) images: that is too deep")
    }
    for dependency in summary.manifest.dependencies {
      let own = summary.manifest.pathWhitelist
      try add(
        try Self.name(of: dependency, for: name), explicit: dependency.labels, dependency,
        whitelists: whitelists + (own.isEmpty ? [] : [own]), above: above + [summary.imageID])
    }
    guard order.count < Self.mostParts else {
      throw TransferError.notAnImage("the image needs more than \(Self.mostParts) others")
    }
    bytes += summary.size
    guard bytes <= mostBytes else { throw ArchiveError.overLimit(.bytes(mostBytes)) }
    order.append(Part(image: image, whitelists: whitelists))
  }

  private mutating func image(_ name: ACImageName) throws -> Image {
    if let known = images[name] { return known }
    let image = try get(name, limits)
    limits.bytes -= image.summary.size
    images[name] = image
    return image
  }

  /// With the platform of the image that needs it, unless it says so itself.
  private static func name(
    of dependency: AppContainerManifest.Dependency, for parent: ACImageName
  ) throws(AppContainerError) -> ACImageName {
    var labels = dependency.labels.labels
    for name in [ACLabels.os, ACLabels.architecture] where dependency.labels[name] == nil {
      if let value = parent.labels[name] { labels.append(.init(name: name, value: value)) }
    }
    return ACImageName(name: dependency.imageName, labels: try ACLabels(labels))
  }

  /// Whether an image is what was asked for (discovery.md, "Validation").
  private static func check(
    _ manifest: AppContainerManifest, is name: ACImageName, explicit: ACLabels
  ) throws(TransferError) {
    guard manifest.name == name.name else {
      throw .notAnImage("\(name) was asked for, and what came is named \(manifest.name)")
    }
    for label in name.labels.labels {
      let value = manifest.labels[label.name]
      if value == label.value || (value == nil && explicit[label.name] == nil) { continue }
      throw .notAnImage(
        "\(name) was asked for, and what came has "
          + (value.map { "\(label.name)=\($0.quotedForMessage)" } ?? "no label \(label.name)"))
    }
  }

  private static func check(
    _ image: Image, is dependency: AppContainerManifest.Dependency
  ) throws(TransferError) {
    if let wanted = dependency.imageID, !wanted.matches(image.summary.imageID) {
      throw .notAnImage(
        "\(dependency.imageName) is needed with the ID \(wanted), and what came has \(image.summary.imageID)")
    }
    // The specification does not say whether the size is that of the compressed file.
    if let size = dependency.size, size != image.size, size != image.summary.size {
      throw .notAnImage(
        "\(dependency.imageName) is needed with \(size) bytes, and what came has \(image.size), uncompressed "
          + "\(image.summary.size)")
    }
  }
}
