import Archive
import ContainerImage
import ImageTransfer

/// `oci-archive:FILE[:NAME]`: an OCI image layout as a tar archive, which `ctr image import`, podman and skopeo take. The same
/// image gives the same bytes.
public struct OCIArchiveExport: ImageExport {
  private let file: String
  private let name: String?

  public init(file: String, name: String?) {
    self.file = file
    self.name = name
  }

  public func check() throws { try TemporaryPath.requireFree(file, isDirectory: false) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TarFile(path: file).write(image) { try Self.write(image, name: name, to: $0) }
    return []
  }

  /// The archive's entries, without its end. What names the image comes last, so that whoever reads a part of it from a
  /// pipe gets no image.
  static func write(_ image: StagedImage, name: String?, to writer: TarWriter) throws {
    try writer.add("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
    for directory in ["blobs", "blobs/sha256"] {
      try writer.add(TarEntry(path: RawPath(directory), kind: .directory, mode: 0o755))
    }
    try writer.add(blob: image.document.digest, image.document.bytes)
    for blob in image.manifest.blobs.unique { try writer.add(blob: blob, of: image) }
    var root = image.document.descriptor
    // Both names: of image-spec for tools that look for a tag, of containerd for its whole reference.
    if let name {
      root.annotations = [OCILayout.nameAnnotation: name, OCILayout.containerdAnnotation: name]
    }
    try writer.add("index.json", String(decoding: ImageIndex(manifests: [root]).bytes, as: UTF8.self))
  }
}

extension [Descriptor] {
  /// Each blob once.
  var unique: [Descriptor] {
    var seen: Set<Digest> = []
    return filter { seen.insert($0.digest).inserted }
  }
}

extension TarWriter {
  func add(_ path: String, _ text: String) throws {
    let bytes = Array(text.utf8)
    try add(TarEntry(path: RawPath(path), kind: .file, mode: 0o644, size: Int64(bytes.count)), data: bytes)
  }

  func add(blob digest: Digest, _ bytes: [UInt8]) throws {
    let path = "blobs/\(digest.algorithm.rawValue)/\(digest.encoded)"
    try add(TarEntry(path: RawPath(path), kind: .file, mode: 0o644, size: Int64(bytes.count)), data: bytes)
  }

  func add(blob: Descriptor, of image: StagedImage) throws {
    let path = "blobs/\(blob.digest.algorithm.rawValue)/\(blob.digest.encoded)"
    try add(TarEntry(path: RawPath(path), kind: .file, mode: 0o644, size: blob.size))
    try VerifyingReader(try image.layer(blob), expecting: blob).forEachPiece { try write($0) }
  }
}
