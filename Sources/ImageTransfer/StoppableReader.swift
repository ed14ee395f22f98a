/// Gives a blob's bytes until the user stops it.
public final class StoppableReader: BlobReader {
  private let reader: any BlobReader
  private let isCancelled: @Sendable () -> Bool

  public init(_ reader: any BlobReader, isCancelled: @escaping @Sendable () -> Bool) {
    self.reader = reader
    self.isCancelled = isCancelled
  }

  /// - Throws: `TransferError.cancelled`, and what the reader throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if isCancelled() { throw TransferError.cancelled }
    return try reader.read(into: buffer)
  }
}
