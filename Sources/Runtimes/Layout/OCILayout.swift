import ContainerImage
import FoundationEssentials
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// A directory with images (image-spec, image-layout.md): blobs by digest, and `index.json`, which names them.
public struct OCILayout: Sendable {
  public let path: String

  static let nameAnnotation = "org.opencontainers.image.ref.name"
  /// containerd's own name of an image, which has the registry in it.
  static let containerdAnnotation = "io.containerd.image.name"

  /// What messages call it.
  let shown: String

  /// - Parameter shown: what messages call it; nil for its path.
  public init(path: String, shownAs shown: String? = nil) {
    self.path = path
    self.shown = shown ?? path
  }

  func blobPath(_ digest: Digest) -> String {
    "\(path)/blobs/\(digest.algorithm.rawValue)/\(digest.encoded)"
  }

  /// What `index.json` lists.
  /// - Throws: `TransferError`
  public func entries() throws(TransferError) -> [Descriptor] {
    guard let bytes = try LocalFile.contents("\(path)/index.json", atMost: 16 << 20) else {
      throw .notFound("\(shown) is no OCI image layout: it has no index.json")
    }
    do {
      return try Manifest(parsing: bytes, contentType: .ociImageIndex).manifests
    } catch {
      throw .notAnImage("\(shown)/index.json: \(error)")
    }
  }

  /// The image of a name, or the only one there is.
  /// - Throws: `TransferError.notFound` with the names that there are.
  public func entry(named name: String?) throws(TransferError) -> Descriptor {
    try Self.entry(named: name, in: entries(), of: shown)
  }

  /// - Parameters:
  ///   - entries: of an index.
  ///   - shown: what messages call the layout.
  static func entry(
    named name: String?, in entries: [Descriptor], of shown: String
  ) throws(TransferError) -> Descriptor {
    guard let name else {
      if entries.count == 1 { return entries[0] }
      if entries.isEmpty { throw .notFound("\(shown) has no image") }
      throw .notFound("\(shown) has \(entries.count) images: name one of them, \(names(entries))")
    }
    // Names need not be unique; the last one added counts.
    if let found = entries.last(where: { $0.annotations?[nameAnnotation] == name }) { return found }
    if let digest = try? Digest(parsing: name), let found = entries.first(where: { $0.digest == digest }) {
      return found
    }
    throw .notFound("\(shown) has no image \(name), only \(names(entries))")
  }

  private static func names(_ entries: [Descriptor]) -> String {
    let names = entries.map { $0.annotations?[nameAnnotation] ?? $0.digest.description }
    return names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
  }

  /// Creates what a layout needs, unless it is there.
  /// - Throws: `TransferError`
  func create() throws(TransferError) {
    try LocalFile.makeDirectories(path)
    // Others may be at it, and name their images already.
    let lock = try LocalFile.lock(path)
    defer { lock.release() }
    // The directory of an algorithm that nothing uses would be in the way of tools that list them.
    try LocalFile.makeDirectories("\(path)/blobs/sha256")
    let marker = "\(path)/oci-layout"
    if let known = try LocalFile.contents(marker, atMost: 4096) {
      guard Self.isKnown(marker: known) else {
        throw .failed("\(shown) is an OCI image layout of a version that is not understood")
      }
    } else {
      try LocalFile.replace(marker, with: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
    }
    if try LocalFile.size("\(path)/index.json") == nil {
      try LocalFile.replace(
        "\(path)/index.json",
        with: Array(#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociImageIndex)","manifests":[]}"#.utf8))
    }
  }

  /// - Parameter marker: the bytes of `oci-layout`.
  static func isKnown(marker: [UInt8]) -> Bool {
    struct Marker: Decodable { var imageLayoutVersion: String }
    let version = try? JSONDecoder().decode(Marker.self, from: Data(marker)).imageLayoutVersion
    return version?.hasPrefix("1.") ?? false
  }

  /// Makes a name mean an image. Other programs may change the index at the same time, but only those that take the
  /// same lock, on the directory, are waited for.
  /// - Throws: `TransferError`
  func add(_ root: Descriptor, name: String?) throws(TransferError) {
    let lock = try LocalFile.lock(path)
    defer { lock.release() }
    guard let bytes = try LocalFile.contents("\(path)/index.json", atMost: 16 << 20),
      var index = try? OrderedJSON(parsing: bytes), case .array(var entries)? = index["manifests"]
    else { throw .notAnImage("\(path)/index.json is not the index of an OCI image layout") }
    entries.removeAll { entry in
      let known = entry["annotations"]?[Self.nameAnnotation]?.string
      return name.map { known == $0 } ?? (known == nil && entry["digest"]?.string == root.digest.description)
    }
    var entry = OrderedJSON.object([])
    entry["mediaType"] = .string(root.mediaType.description)
    entry["digest"] = .string(root.digest.description)
    entry["size"] = .literal(String(root.size))
    if let name { entry["annotations"] = .object([.init(name: Self.nameAnnotation, value: .string(name))]) }
    index["manifests"] = .array(entries + [entry])
    try LocalFile.replace("\(path)/index.json", with: Array(index.line.utf8))
  }
}
