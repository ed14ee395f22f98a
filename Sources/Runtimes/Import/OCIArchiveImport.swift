import Archive
import ContainerImage
import ImageTransfer

/// `oci-archive:FILE[:NAME]`: an OCI image layout (image-spec, image-layout.md) as a tar archive, compressed or not.
///
/// Only the names that a layout has are looked at, and blobs are verified against theirs; whatever else the archive has, links
/// and names that lead out of it too, is passed over.
public struct OCIArchiveImport: ImageImport {
  private let archive: ImageArchive
  private let name: String?

  /// - Parameter name: of the image in the archive; nil for the only one.
  public init(file: String, name: String?) {
    self.init(ImageArchive(file: file), name: name, description: "oci-archive:\(file)")
  }

  init(_ archive: ImageArchive, name: String?, description: String) {
    self.archive = archive
    self.name = name
    self.description = description
  }

  public let description: String

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    var documents: [String: [UInt8]] = [:]
    var isOfDocker = false
    try archive.forEachEntry(limits: limits) { entry, name, reader in
      try check()
      guard entry.kind == .file else { return }
      switch name {
      case "oci-layout", "index.json":
        let limit = name == "index.json" ? 16 << 20 : 4096
        let bytes = try reader.contents(atMost: limit, of: "\(name) in \(archive.name)")
        guard documents.updateValue(bytes, forKey: name) == nil else {
          throw TransferError.notAnImage("\(archive.name) is ambiguous: it has \(name) twice")
        }
      case "manifest.json": isOfDocker = true
      default:
        guard let digest = Self.digest(of: name) else { return }
        let writer = try LayoutBlobWriter(layout, digest.algorithm)
        try writer.write(reader, check: check)
        _ = try writer.finish(MediaType(""), expecting: digest)
      }
    }
    guard documents["index.json"] != nil else {
      throw TransferError.notAnImage(
        "\(archive.name) is no OCI archive: it has no index.json"
          + (isOfDocker ? "; it looks like one of Docker's: use docker-archive:\(archive.name)" : ""))
    }
    try LocalFile.makeDirectories(layout.path)
    for (name, bytes) in documents { try LocalFile.replace("\(layout.path)/\(name)", with: bytes) }
    // Adds what is missing, and refuses a layout of another version.
    try layout.create()
    return name
  }

  /// `blobs/ALGORITHM/HEX`
  static func digest(of name: String) -> Digest? {
    let parts = name.split(separator: "/")
    guard parts.count == 3, parts[0] == "blobs" else { return nil }
    return try? Digest(parsing: "\(parts[1]):\(parts[2])")
  }
}
