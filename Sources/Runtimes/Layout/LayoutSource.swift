import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// An image in an OCI layout, as a source: `oci:DIR[:NAME]`.
public struct LayoutSource: ImageSource {
  public let layout: OCILayout
  public let name: String?

  /// - Parameter name: of the image; nil for the only one.
  public init(_ layout: OCILayout, name: String?) {
    self.layout = layout
    self.name = name
  }

  public func root() throws -> ManifestDocument { try manifest(try layout.entry(named: name)) }

  public func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    guard let bytes = try LocalFile.contents(layout.blobPath(descriptor.digest), atMost: 16 << 20) else {
      let hint = descriptor.platform.map { " for \($0): choose a platform that it has with --platform" } ?? ""
      throw TransferError.notFound("\(layout.shown) lacks the manifest \(descriptor.digest)\(hint)")
    }
    let type = descriptor.mediaType.isManifest ? descriptor.mediaType : nil
    return try ManifestDocument(bytes, mediaType: type, expecting: descriptor.digest)
  }

  public func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    let path = layout.blobPath(descriptor.digest)
    guard let reader = try FileReader(path, from: offset) else {
      throw TransferError.notFound("\(layout.shown) lacks the blob \(descriptor.digest)")
    }
    return reader
  }

  /// Those that the layout's index lists with this subject.
  public func referrers(of digest: Digest) throws -> [Descriptor] {
    try layout.entries().filter { entry in
      guard entry.mediaType.isManifest, entry.digest != digest else { return false }
      return try manifest(entry).manifest().subject?.digest == digest
    }
  }
}

/// Reads a file from a place in it on.
public final class FileReader: BlobReader {
  private let descriptor: CInt
  private var position: Int64
  private let path: String

  /// - Returns: nil if there is no such file.
  /// - Throws: `TransferError`
  public init?(_ path: String, from offset: Int64 = 0) throws(TransferError) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw LocalFile.failure("read \(path)")
    }
    posix_fadvise(descriptor, off_t(offset), 0, POSIX_FADV_SEQUENTIAL)
    position = offset
    self.path = path
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
      if count >= 0 {
        position += Int64(count)
        return count
      }
      if errno != EINTR { throw LocalFile.failure("read \(path)") }
    }
  }
}
