import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// The layout of a data directory, and the lock that lets one process at a time have it.
///
/// ```
/// <data>/blobs/sha256/ab/abcdef…   immutable, read-only files; sha512 beside it
/// <data>/uploads/<uuid>            one file per upload session
/// <data>/quarantine/               what scrub found damaged
/// <data>/kontor.sqlite             metadata, in WAL mode
/// <data>/reserve                  space kept for deletions on a full disk
/// <data>/lock                      held while a process has the directory
/// ```
public final class DataDirectory: Sendable {
  public let path: String
  private let lock: CInt

  public var blobs: String { path + "/blobs" }
  public var uploads: String { path + "/uploads" }
  public var quarantine: String { path + "/quarantine" }
  public var database: String { path + "/kontor.sqlite" }
  public var reserve: String { path + "/reserve" }

  /// Takes the directory for this process, and creates what it lacks.
  /// - Throws: `StorageError.inUse` if another process has it.
  public init(_ path: String) throws(StorageError) {
    self.path = path
    try Self.makeDirectories(to: path)
    lock = try FileSystem.open(path + "/lock", O_RDWR | O_CREAT)
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(lock)
      if code == EWOULDBLOCK { throw .inUse(directory: path) }
      throw .system(code, "lock \(path)/lock")
    }
    do {
      try createLayout()
    } catch {
      close(lock)
      throw error
    }
  }

  deinit { close(lock) }

  /// All directories exist from the start, so that storing a blob makes one rename durable and no more.
  private func createLayout() throws(StorageError) {
    try FileSystem.makeDirectory(blobs)
    try FileSystem.makeDirectory(uploads)
    try FileSystem.makeDirectory(quarantine)
    for algorithm in DigestAlgorithm.allCases {
      let directory = blobs + "/" + algorithm.rawValue
      // The last one made is the witness that all are there.
      guard try FileSystem.status(directory + "/ff") == nil else { continue }
      try FileSystem.makeDirectory(directory)
      for byte in UInt8.min...UInt8.max {
        let name = (byte < 16 ? "0" : "") + String(byte, radix: 16)
        try FileSystem.makeDirectory(directory + "/" + name)
      }
      try FileSystem.syncDirectory(directory)
    }
    try FileSystem.syncDirectory(blobs)
    try FileSystem.syncDirectory(path)
  }

  private static func makeDirectories(to path: String) throws(StorageError) {
    var parent = path.hasPrefix("/") ? "/" : "."
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      prefix += component
      // What is stored in it would be lost with its name.
      if try FileSystem.makeDirectory(prefix) { try FileSystem.syncDirectory(parent) }
      parent = prefix
      prefix += "/"
    }
  }
}
