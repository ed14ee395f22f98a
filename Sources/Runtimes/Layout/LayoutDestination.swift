import ContainerImage
import ImageTransfer
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// An image in an OCI layout, as a destination: `oci:DIR[:NAME]`.
///
/// Blobs that are complete stay when a copy is interrupted, and what came of an incomplete one is kept in
/// `.kontor-partial`, until the next copy goes on with it. The index names the image only at the end.
public final class LayoutDestination: ImageDestination {
  public let layout: OCILayout
  private let name: String?
  private let root = Mutex<Descriptor?>(nil)
  private let isCreated = Mutex(false)

  private static let bufferSize = 1 << 20

  /// - Parameter name: that is to mean the image; nil for none.
  /// - Throws: `TransferError` if the directory is something else.
  public init(_ layout: OCILayout, name: String?) throws(TransferError) {
    self.layout = layout
    self.name = name
    if try !Self.isFree(layout.path), try !Self.isFreeNow(layout.path) {
      throw .exists(
        "\(layout.path) is there and is no OCI image layout: name another directory, or remove it")
    }
  }

  /// Whether it is a layout, or can become one.
  private static func isFree(_ path: String) throws(TransferError) -> Bool {
    if try LocalFile.size("\(path)/oci-layout") != nil { return true }
    return try LocalFile.isEmptyOrMissing(path)
  }

  /// The same, when whoever makes a layout of it has done so.
  private static func isFreeNow(_ path: String) throws(TransferError) -> Bool {
    guard let lock = try? LocalFile.lock(path) else { return false }
    defer { lock.release() }
    return try isFree(path)
  }

  /// Not before there is something to put into it: an image that cannot be had leaves no empty layout.
  private func create() throws {
    try isCreated.withLock { isCreated in
      if !isCreated { try layout.create() }
      isCreated = true
    }
  }

  public var takesIndexes: Bool { true }
  public var needsAllBlobs: Bool { false }

  public func has(_ blob: Descriptor) throws -> Bool {
    try LocalFile.size(layout.blobPath(blob.digest)) == blob.size
  }

  public func put(_ blob: Descriptor, from source: BlobContent) throws {
    try create()
    let partial = "\(partials)/\(blob.digest.encoded)"
    try LocalFile.makeDirectories(partials)
    try LocalFile.makeDirectories(
      String(layout.blobPath(blob.digest).dropLast(blob.digest.encoded.count + 1)))
    let descriptor = open(partial, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw LocalFile.failure("write \(partial)") }
    defer { close(descriptor) }
    // Two copies of one blob at the same time would write into each other.
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw LocalFile.failure("lock \(partial)") }
    }
    if try has(blob) { return }
    do {
      try receive(blob, from: source, into: descriptor)
    } catch TransferError.wrongContent(let digest, let reason) {
      unlink(partial)
      throw TransferError.wrongContent(digest, reason: reason)
    }
    guard rename(partial, layout.blobPath(blob.digest)) == 0 else {
      throw LocalFile.failure("write \(layout.blobPath(blob.digest))")
    }
  }

  /// Goes on with what an earlier copy left, and verifies the whole.
  private func receive(_ blob: Descriptor, from source: BlobContent, into descriptor: CInt) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 4096)
    defer { buffer.deallocate() }
    var hasher = ContentHasher(blob.digest.algorithm)
    var position: Int64 = 0
    while position < blob.size {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
      guard count > 0 else { break }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      position += Int64(count)
    }
    if position < blob.size || blob.size == 0 {
      let reader = try source.reader(from: position)
      while true {
        let count = try reader.read(into: buffer)
        if count == 0 { break }
        guard position + Int64(count) <= blob.size else {
          throw TransferError.wrongContent(
            blob.digest, reason: "it has more than the \(blob.size) bytes that its descriptor says")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        hasher.update(bytes)
        try LocalFile.write(bytes, to: descriptor, at: position)
        position += Int64(count)
      }
    }
    guard position == blob.size else {
      throw TransferError.wrongContent(
        blob.digest, reason: "it has \(position) bytes where its descriptor says \(blob.size)")
    }
    let actual = hasher.digest()
    guard actual == blob.digest else {
      throw TransferError.wrongContent(blob.digest, reason: "its content has the digest \(actual)")
    }
    // What a longer, older file left behind.
    if ftruncate(descriptor, off_t(blob.size)) != 0 { throw LocalFile.failure("write to \(layout.path)") }
  }

  public func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    try create()
    let path = layout.blobPath(manifest.digest)
    try LocalFile.makeDirectories(String(path.dropLast(manifest.digest.encoded.count + 1)))
    if try LocalFile.size(path) != Int64(manifest.bytes.count) {
      try LocalFile.replace(path, with: manifest.bytes)
    }
    if isRoot {
      root.withLock { $0 = manifest.descriptor }
    } else if try manifest.manifest().subject != nil {
      // Nothing else leads to a referrer in a layout.
      try layout.add(manifest.descriptor, name: nil)
    }
  }

  public func finish() throws {
    guard let root = root.withLock({ $0 }) else { return }
    try layout.add(root, name: name)
    rmdir(partials)
  }

  public func abandon() { rmdir(partials) }

  private var partials: String { "\(layout.path)/.kontor-partial" }
}
