import ContainerImage

/// How much an image may have, unpacked: a hostile one of a few MiB could fill a disk.
public struct UnpackLimits: Sendable, Hashable {
  /// Bytes of all layers together, uncompressed. The default of 64 GiB is more than the largest images have that are
  /// in use, and less than what fills a server's disk from a few MiB of zeros. Holes of sparse files take no space and
  /// do not count.
  public var bytes: Int64 = 64 << 30
  /// Entries of all layers together. The default of 5 million is ten times what the largest images have, and bounds
  /// the inodes and the memory that a hostile one can take.
  public var entries = 5_000_000

  public init() {}
}

/// What is left of the limits while an image's layers, or the archive that it is in, are read one after the other.
public final class UnpackBudget {
  private let limits: UnpackLimits
  private var bytes: Int64 = 0
  private var entries = 0

  public init(_ limits: UnpackLimits) { self.limits = limits }

  /// - Throws: `ArchiveError.overLimit` if that is too much.
  func take(bytes count: Int) throws(ArchiveError) {
    guard Int64(count) <= limits.bytes - bytes else { throw .overLimit(.bytes(limits.bytes)) }
    bytes += Int64(count)
  }

  /// - Throws: `ArchiveError.overLimit` if that is one too many.
  func takeEntry() throws(ArchiveError) {
    guard entries < limits.entries else { throw .overLimit(.entries(limits.entries)) }
    entries += 1
  }
}

extension ArchiveError {
  /// A limit of `UnpackLimits`.
  public enum Limit: Sendable, Equatable, CustomStringConvertible {
    case bytes(Int64)
    case entries(Int)

    public var description: String {
      switch self {
      case .bytes(let count): "unpacked, the image is larger than the limit of \(ByteSize(count))"
      case .entries(let count): "the image has more files than the limit of \(count)"
      }
    }
  }
}
