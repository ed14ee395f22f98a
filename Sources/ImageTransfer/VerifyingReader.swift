import ContainerImage

/// Passes a blob's bytes on and throws at their end, or as soon as there are too many, unless they are what the
/// descriptor says.
public final class VerifyingReader: BlobReader {
  private let reader: any BlobReader
  private let descriptor: Descriptor
  private var hasher: ContentHasher
  private var count: Int64 = 0
  private var isAtEnd = false

  public init(_ reader: any BlobReader, expecting descriptor: Descriptor) {
    self.reader = reader
    self.descriptor = descriptor
    hasher = ContentHasher(descriptor.digest.algorithm)
  }

  /// - Throws: `TransferError.wrongContent`, and what the source throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if isAtEnd { return 0 }
    let read = try self.reader.read(into: buffer)
    guard read > 0 else {
      try checkEnd()
      isAtEnd = true
      return 0
    }
    count += Int64(read)
    guard count <= descriptor.size else {
      throw TransferError.wrongContent(
        descriptor.digest, reason: "it has more than the \(descriptor.size) bytes that its descriptor says")
    }
    hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<read]))
    return read
  }

  private func checkEnd() throws(TransferError) {
    guard count == descriptor.size else {
      throw .wrongContent(
        descriptor.digest, reason: "it has \(count) bytes where its descriptor says \(descriptor.size)")
    }
    let actual = hasher.digest()
    guard actual == descriptor.digest else {
      throw .wrongContent(descriptor.digest, reason: "its content has the digest \(actual)")
    }
  }
}
