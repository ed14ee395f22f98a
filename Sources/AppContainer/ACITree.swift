import Archive
import ContainerImage
import ImageTransfer

/// An App Container Image with all those that it needs, and those that they need (appc 0.8.11, ace.md, "Filesystem
/// Setup").
///
/// ```swift
/// var tree = ACITree<Path>(limits: limits)
/// try tree.resolve(name, explicit: name.labels) { name, limits in try fetch(name, limits) }
/// let layers = try tree.layers(limits: limits) { try open($0) }
/// ```
///
/// - Parameter Source: where an image's file is.
public struct ACITree<Source> {
  /// An image that was fetched and verified.
  public struct Image {
    public let source: Source
    /// Bytes of its file.
    public let size: Int64
    public let summary: ACIReader.Summary

    public init(source: Source, size: Int64, summary: ACIReader.Summary) {
      self.source = source
      self.size = size
      self.summary = summary
    }
  }

  /// What an image brings to the root file system. One that is needed twice is there twice.
  public struct Part {
    public let image: Image
    /// Of the images that need it, if they have one.
    public let whitelists: [[String]]
  }

  /// In which the parts are put over each other: depth first, each after what it needs.
  public private(set) var order: [Part] = []
  private var images: [ACImageName: Image] = [:]
  /// What is left of them for images that are fetched.
  private var limits: ACIReader.Limits
  private let mostBytes: Int64
  /// Of the parts; one that is there twice counts twice.
  private var bytes: Int64 = 0

  private static var deepest: Int { 16 }
  /// Docker takes images of at most 127 layers.
  private static var mostParts: Int { 127 }

  /// - Parameter limits: of all images together.
  public init(limits: ACIReader.Limits) {
    self.limits = limits
    mostBytes = limits.bytes
  }

  /// - Parameters:
  ///   - name: to ask for.
  ///   - explicit: the labels that the image must have; the others it may lack.
  ///   - get: fetches an image, each name once.
  /// - Throws: `AppContainerError`, `ArchiveError.overLimit`, and what `get` throws
  public mutating func resolve(
    _ name: ACImageName, explicit: ACLabels, get: (ACImageName, ACIReader.Limits) throws -> Image
  ) throws {
    try add(name, explicit: explicit, nil, whitelists: [], above: [], get)
  }

  /// What each of them brings to the root file system, in their order: the last is that of the image itself.
  /// - Parameters:
  ///   - limits: of each image.
  ///   - check: is called before each image is read; what it throws ends this.
  ///   - open: gives an image from its start; is called twice for each layer.
  /// - Throws: as `ACILayer.init`
  public func layers(
    limits: ACIReader.Limits, check: () throws -> Void = {},
    open: @escaping @Sendable (Source) throws -> any BlobReader
  ) throws -> [ACILayer] where Source: Sendable {
    try order.map { part in
      try check()
      let source = part.image.source
      return try ACILayer(limits: limits, dependents: part.whitelists) { try open(source) }
    }
  }

  private mutating func add(
    _ name: ACImageName, explicit: ACLabels, _ dependency: AppContainerManifest.Dependency?,
    whitelists: [[String]], above: [ACIImageID], _ get: (ACImageName, ACIReader.Limits) throws -> Image
  ) throws {
    let image = try image(name, get)
    let summary = image.summary
    try Self.check(summary.manifest, is: name, explicit: explicit)
    if let dependency { try Self.check(image, is: dependency) }
    guard !above.contains(summary.imageID) else {
      throw AppContainerError.unresolvable(
        "\(name) needs images that need \(name): such a circle cannot be resolved")
    }
    guard above.count < Self.deepest else {
      throw AppContainerError.unresolvable(
        "\(name) is needed over more than \(Self.deepest) images: that is too deep")
    }
    for dependency in summary.manifest.dependencies {
      let own = summary.manifest.pathWhitelist
      try add(
        try Self.name(of: dependency, for: name), explicit: dependency.labels, dependency,
        whitelists: whitelists + (own.isEmpty ? [] : [own]), above: above + [summary.imageID], get)
    }
    guard order.count < Self.mostParts else {
      throw AppContainerError.unresolvable("the image needs more than \(Self.mostParts) others")
    }
    bytes += summary.size
    guard bytes <= mostBytes else { throw ArchiveError.overLimit(.bytes(mostBytes)) }
    order.append(Part(image: image, whitelists: whitelists))
  }

  private mutating func image(
    _ name: ACImageName, _ get: (ACImageName, ACIReader.Limits) throws -> Image
  ) throws -> Image {
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
  ) throws(AppContainerError) {
    guard manifest.name == name.name else {
      throw .unresolvable("\(name) was asked for, and what came is named \(manifest.name)")
    }
    for label in name.labels.labels {
      let value = manifest.labels[label.name]
      if value == label.value || (value == nil && explicit[label.name] == nil) { continue }
      throw .unresolvable(
        "\(name) was asked for, and what came has "
          + (value.map { "\(label.name)=\($0.quotedForMessage)" } ?? "no label \(label.name)"))
    }
  }

  private static func check(
    _ image: Image, is dependency: AppContainerManifest.Dependency
  ) throws(AppContainerError) {
    if let wanted = dependency.imageID, !wanted.matches(image.summary.imageID) {
      throw .unresolvable(
        "\(dependency.imageName) is needed with the ID \(wanted), and what came has \(image.summary.imageID)")
    }
    // The specification does not say whether the size is that of the compressed file.
    if let size = dependency.size, size != image.size, size != image.summary.size {
      throw .unresolvable(
        "\(dependency.imageName) is needed with \(size) bytes, and what came has \(image.size), uncompressed "
          + "\(image.summary.size)")
    }
  }
}
