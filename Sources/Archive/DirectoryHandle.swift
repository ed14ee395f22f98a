import CArchive
import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// An open directory, by which all that is in it is reached with one name at a time and never through a symbolic link:
/// the only way in which this module touches a tree.
final class DirectoryHandle: ResolvableDirectory {
  let descriptor: CInt
  /// The number by which the file system knows it.
  let inode: UInt64

  /// A directory by its path, which may lead through symbolic links: for the root of a tree, which its user names.
  convenience init(path: String) throws(ArchiveError) {
    try self.init(taking: Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open \(path)")
  }

  /// - Parameter descriptor: -1 after a failed call.
  private init(taking descriptor: CInt, _ operation: @autoclosure () -> String) throws(ArchiveError) {
    guard descriptor >= 0 else { throw .system(errno, operation()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw .system(code, operation())
    }
    self.descriptor = descriptor
    inode = UInt64(status.st_ino)
  }

  deinit { close(descriptor) }

  /// The directory `name` in this one; nil if there is none, or if it is something else.
  func directory(_ name: RawPath) throws(ArchiveError) -> DirectoryHandle? {
    let opened = name.withCString { openat(descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
    if opened < 0, errno == ENOENT || errno == ENOTDIR || errno == ELOOP { return nil }
    return try DirectoryHandle(taking: opened, "open the directory \(name)")
  }

  /// The directory that this one is in.
  func parent() throws(ArchiveError) -> DirectoryHandle {
    try DirectoryHandle(
      taking: openat(descriptor, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open a directory")
  }

  /// What `name` is, itself; nil if there is nothing.
  func status(_ name: RawPath) throws(ArchiveError) -> stat? {
    var status = stat()
    if name.withCString({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 { return status }
    if errno == ENOENT { return nil }
    throw .system(errno, "look at \(name)")
  }

  /// The target of the symbolic link `name`; nil if it is something else, or nothing.
  func linkTarget(_ name: RawPath) throws(ArchiveError) -> RawPath? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = name.withCString { readlinkat(descriptor, $0, &buffer, buffer.count) }
    if count >= 0 { return RawPath(buffer[..<count].map(UInt8.init(bitPattern:))) }
    if errno == EINVAL || errno == ENOENT { return nil }
    throw .system(errno, "read the link \(name)")
  }

  func contains(_ name: RawPath) throws(ArchiveError) -> Bool { try status(name) != nil }

  func makeDirectory(_ name: RawPath) throws(ArchiveError) {
    try check(name.withCString { mkdirat(descriptor, $0, 0o700) }, "make the directory \(name)")
  }

  func removeFile(_ name: RawPath) throws(ArchiveError) {
    try check(name.withCString { unlinkat(descriptor, $0, 0) }, "remove \(name)")
  }

  func removeEmptyDirectory(_ name: RawPath) throws(ArchiveError) {
    try check(name.withCString { unlinkat(descriptor, $0, AT_REMOVEDIR) }, "remove the directory \(name)")
  }

  /// The names in it, sorted, without `.` and `..`.
  func names() throws(ArchiveError) -> [RawPath] {
    // A description of its own, as reading moves its position.
    let own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard own >= 0, let stream = fdopendir(own) else {
      let code = errno
      if own >= 0 { close(own) }
      throw .system(code, "read a directory")
    }
    defer { closedir(stream) }
    var names: [RawPath] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { RawPath(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw .system(errno, "read a directory") }
    return names.sorted()
  }

  /// A path of `name` for the calls that take no descriptor. It begins at this descriptor, so that nothing but the
  /// last component is looked up.
  func processPath(_ name: RawPath) -> RawPath {
    RawPath("/proc/self/fd/\(descriptor)").appending(name)
  }

  func check(_ status: CInt, _ operation: @autoclosure () -> String) throws(ArchiveError) {
    if status != 0 { throw .system(errno, operation()) }
  }
}
