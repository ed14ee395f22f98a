import ContainerImage
import ImageTransfer

/// A tar archive, compressed or not, that is read entry by entry and hashed meanwhile: for archives that are named by
/// the digest of what they are uncompressed, as layers and App Container Images are.
///
/// ```swift
/// let archive = try HashedArchive(blob, algorithm: .sha256, within: UnpackBudget(limits))
/// while let entry = try archive.entries.next() { … }
/// let diffID = try archive.finish()
/// ```
///
/// The blob is read by a thread of its own until `finish` or `stop`, or until this is gone.
public final class HashedArchive {
  public let entries: TarReader
  private let stream: ReadAhead

  /// - Parameter budget: for the uncompressed bytes and the entries.
  /// - Throws: `ArchiveError`, and what the blob's reader throws.
  public init(_ blob: any BlobReader, algorithm: DigestAlgorithm, within budget: UnpackBudget) throws {
    stream = try ReadAhead(blob, algorithm: algorithm, within: budget)
    do {
      entries = try TarReader(blocks: stream, within: budget)
    } catch {
      stream.stop()
      throw error
    }
  }

  /// Of the blob; nil if it has no bytes.
  public var compression: Compression? { stream.compression }

  /// How many bytes of the uncompressed archive were read.
  public var byteCount: Int64 { stream.count }

  /// Reads to the end of the blob.
  /// - Returns: the digest of all that it is uncompressed, with what follows the archive's end.
  /// - Throws: `ArchiveError`, and what the blob's reader throws.
  public func finish() throws -> Digest { try stream.finish() }

  /// When this returns, the blob is no longer read.
  public func stop() { stream.stop() }
}
