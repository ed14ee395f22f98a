import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Space on the disk that is kept for deletions. They are transactions, which need room in the database's log
/// before any is freed: without a reserve nothing could ever be deleted from a disk that is full.
///
/// When a deletion finds no room the reserve is given up; until it can be taken again nothing else is written.
final class SpaceReserve: Sendable {
  /// Bytes: more than the log of the largest deletion takes, and than the log grows to before its checkpoint.
  private static let size: off_t = 8 << 20

  private let path: String
  private let isWhole = Mutex(false)

  init(path: String) {
    self.path = path
  }

  /// Takes the space, unless it is taken.
  /// - Parameter operation: what needs the reserve to be whole, for the error's words.
  /// - Throws: `StorageError.full` if there is no space for it.
  func restore(for operation: String) throws(StorageError) {
    let failure = isWhole.withLock { isWhole -> StorageError? in
      if isWhole { return nil }
      do throws(StorageError) {
        let descriptor = try FileSystem.open(path, O_RDWR | O_CREAT)
        defer { close(descriptor) }
        let code = posix_fallocate(descriptor, 0, Self.size)
        guard code == 0 else {
          ftruncate(descriptor, 0)
          throw .system(code, operation)
        }
        isWhole = true
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Gives the space up.
  func release() {
    isWhole.withLock { isWhole in
      truncate(path, 0)
      isWhole = false
    }
  }
}
