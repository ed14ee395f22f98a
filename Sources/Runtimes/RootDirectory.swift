import CRuntimes
import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// The directory that an image was unpacked to. Its paths are read as a container sees them: a link to `/etc`
/// is the image's own `/etc`, and none leads out. Nothing else may change the directory meanwhile.
public final class RootDirectory: Sendable {
  /// Absolute, without links.
  public let path: String
  private let descriptor: CInt

  /// - Throws: `TransferError.notFound`, `.failed`
  public init(_ path: String) throws(TransferError) {
    guard let resolved = realpath(path, nil) else {
      if errno == ENOENT { throw .notFound("there is no directory \(path)") }
      throw .system("open the directory \(path)")
    }
    self.path = String(cString: resolved)
    free(resolved)
    descriptor = open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open the directory \(path)") }
  }

  deinit { close(descriptor) }

  /// The content of a regular file.
  /// - Parameters:
  ///   - file: a path of the image.
  ///   - limit: bytes; whatever has more is refused, for it is somebody else's file and read into memory.
  /// - Returns: nil if there is no such file.
  /// - Throws: `TransferError.notAnImage` if it is no regular file or too large, `.failed`
  public func read(_ file: String, limit: Int) throws(TransferError) -> [UInt8]? {
    guard let place = try find(file) else { return nil }
    defer { close(place) }
    let status = try Self.status(of: place, file)
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .notAnImage("the image's \(file) is no regular file")
    }
    // Opened only now that it is known to be no device and no pipe: to open those may do something, or wait.
    let opened = open("/proc/self/fd/\(place)", O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw .system("open the image's \(file)") }
    defer { close(opened) }
    guard status.st_size <= limit else {
      throw .notAnImage("the image's \(file) has \(status.st_size) bytes; at most \(limit) are read")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        Glibc.read(opened, buffer.baseAddress.map { $0 + done }, buffer.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system("read the image's \(file)") }
      if count == 0 { break }
      done += count
    }
    return Array(bytes[..<done])
  }

  /// Whether there is a file or directory of that path.
  /// - Throws: `TransferError.failed`
  public func contains(_ file: String) throws(TransferError) -> Bool {
    guard let place = try find(file) else { return false }
    close(place)
    return true
  }

  /// Makes the directory and those above it, with mode 755 and this process's owner, unless they are there.
  /// - Returns: its path outside of the container, without links.
  /// - Throws: `TransferError.notAnImage` if something else is in its place, `.failed`
  @discardableResult
  public func makeDirectory(_ directory: String) throws(TransferError) -> String {
    var reached = "/"
    for name in directory.split(separator: "/") {
      let next = reached + (reached == "/" ? "" : "/") + name
      if let place = try find(next) {
        close(place)
      } else {
        guard let parent = try find(reached) else { throw .failed("the image's \(reached) went away") }
        defer { close(parent) }
        guard mkdirat(parent, String(name), 0o755) == 0 else {
          if errno == EEXIST || errno == ENOTDIR {
            throw .notAnImage("the image's \(next) is no directory, and \(directory) is to be one")
          }
          throw .system("create the directory \(next) of the image")
        }
      }
      reached = next
    }
    guard let place = try find(reached) else { throw .failed("the image's \(reached) went away") }
    defer { close(place) }
    guard try Self.status(of: place, reached).st_mode & S_IFMT == S_IFDIR else {
      throw .notAnImage("the image's \(reached) is no directory")
    }
    return try Self.path(of: place)
  }

  /// - Returns: a descriptor that is for looking only; nil if there is nothing.
  private func find(_ file: String) throws(TransferError) -> CInt? {
    let found = kontor_find_in_root(descriptor, file)
    if found >= 0 { return found }
    switch errno {
    case ENOENT, ENOTDIR: return nil
    case ENOSYS:
      throw .failed(
        "this kernel lacks openat2, which files of an image are opened with: use Linux 5.6 or later")
    case ELOOP: throw .notAnImage("the image's \(file) is a link to itself")
    default: throw .system("open the image's \(file)")
    }
  }

  private static func status(of descriptor: CInt, _ file: String) throws(TransferError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("look at the image's \(file)") }
    return status
  }

  private static func path(of descriptor: CInt) throws(TransferError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/fd/\(descriptor)", &buffer, Int(PATH_MAX))
    guard count > 0 else { throw .system("read /proc/self/fd") }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension TransferError {
  /// From `errno`, right after the system call.
  static func system(_ operation: String) -> TransferError {
    .failed("cannot \(operation): \(String(cString: strerror(errno)))")
  }
}
