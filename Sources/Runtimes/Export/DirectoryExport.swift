import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// `dir:DIR`: skopeo's directories (containers/image, docs/containers-transports.5.md): the manifest in `manifest.json`, and each
/// blob in a file that has the digest's hexadecimal part as its name.
public struct DirectoryExport: ImageExport {
  static let manifestFile = "manifest.json"
  private static let version = "Directory Transport Version: 1.1\n"

  private let directory: String

  public init(directory: String) { self.directory = directory }

  public func check() throws { try TemporaryPath.requireFree(directory, isDirectory: true) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TemporaryPath(for: directory).make { directory in
      try LocalFile.makeDirectories(directory)
      try LocalFile.replace("\(directory)/version", with: Array(Self.version.utf8))
      try LocalFile.replace("\(directory)/\(Self.manifestFile)", with: image.document.bytes)
      for blob in image.manifest.blobs.unique {
        try write(
          VerifyingReader(try image.layer(blob), expecting: blob), "\(directory)/\(blob.digest.encoded)")
      }
    }
    return []
  }

  private func write(_ reader: VerifyingReader, _ path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw LocalFile.failure("write \(path)") }
    defer { close(descriptor) }
    var position: Int64 = 0
    try reader.forEachPiece { piece in
      try LocalFile.write(piece, to: descriptor, at: position)
      position += Int64(piece.count)
    }
  }
}
