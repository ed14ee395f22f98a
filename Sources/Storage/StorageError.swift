import ContainerImage
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

/// What storage can fail with. Whoever asked is told; nothing that was acknowledged before is affected.
public enum StorageError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No space, no inodes or over quota. Clients get 507.
  case full(operation: String)
  /// The file system or the database is read-only.
  case readOnly(operation: String)
  /// Any other failure of the disk or of SQLite.
  case failed(operation: String, reason: String)
  /// Another process serves this data directory.
  case inUse(directory: String)
  /// The data directory was written by a newer Kontor.
  case newerSchema(directory: String)

  public var description: String {
    switch self {
    case .full(let operation): "no space left while trying to \(operation)"
    case .readOnly(let operation): "the storage is read-only: cannot \(operation)"
    case .failed(let operation, let reason): "cannot \(operation): \(reason)"
    case .inUse(let directory):
      "the data directory \(directory) is in use by another kontor process: stop it, or name another with --data"
    case .newerSchema(let directory):
      "the data directory \(directory) was written by a newer version of kontor: upgrade this one"
    }
  }

  /// From `errno`, right after the system call.
  static func system(_ code: CInt, _ operation: String) -> StorageError {
    switch code {
    case ENOSPC, EDQUOT: .full(operation: operation)
    case EROFS: .readOnly(operation: operation)
    default: .failed(operation: operation, reason: String(cString: strerror(code)))
    }
  }
}
