import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// Why an archive cannot be read, written or unpacked. What the source of the bytes throws is passed on as it is.
public enum ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The stream is no tar archive, or not of the compression that it begins like.
  case notAnArchive(reason: String)
  /// The stream is cut off or damaged. `entry` is the one it happened in, or the last before.
  case damaged(entry: String?, reason: String)
  /// An entry that no honest layer has. Nothing was written for it.
  case refused(entry: String, reason: String)
  /// The image has more than it may have.
  case overLimit(Limit)
  /// More memory would be needed than is allowed.
  case tooLarge(reason: String)
  /// The uncompressed layer is not the one that the image's config names.
  case wrongDiffID(expected: Digest, actual: Digest)
  /// The machine failed.
  case failed(operation: String, reason: String)

  public var description: String {
    switch self {
    case .notAnArchive(let reason): "not a tar archive: \(reason)"
    case .damaged(nil, let reason): "the archive is damaged: \(reason)"
    case .damaged(let entry?, let reason): "the archive is damaged at \(entry.quotedForMessage): \(reason)"
    case .refused(let entry, let reason): "the layer's entry \(entry.quotedForMessage) was refused: \(reason)"
    case .overLimit(let limit): "\(limit)"
    case .tooLarge(let reason): reason
    case .wrongDiffID(let expected, let actual):
      "the layer was refused: uncompressed it has the digest \(actual), where the image's config says \(expected); "
        + "the image is damaged or does not tell the truth"
    case .failed(let operation, let reason): "cannot \(operation): \(reason)"
    }
  }

  /// From `errno`, right after the system call.
  static func system(_ code: CInt, _ operation: String) -> ArchiveError {
    .failed(operation: operation, reason: String(cString: strerror(code)))
  }
}
