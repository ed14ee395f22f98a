#if canImport(Glibc)
  import Glibc
#endif

/// The system calls that storage needs, with errors thrown and interrupted calls repeated. All of them block.
enum FileSystem {
  static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(StorageError) -> CInt {
    while true {
      let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
      if descriptor >= 0 { return descriptor }
      if errno != EINTR { throw .system(errno, "open \(path)") }
    }
  }

  /// - Returns: nil if there is no such file.
  static func openIfPresent(_ path: String) throws(StorageError) -> CInt? {
    while true {
      let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
      if descriptor >= 0 { return descriptor }
      switch errno {
      case EINTR: continue
      case ENOENT: return nil
      default: throw .system(errno, "open \(path)")
      }
    }
  }

  /// - Returns: whether it was not there yet.
  @discardableResult
  static func makeDirectory(_ path: String) throws(StorageError) -> Bool {
    if mkdir(path, 0o700) == 0 { return true }
    guard errno == EEXIST else { throw .system(errno, "create the directory \(path)") }
    return false
  }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int64
  ) throws(StorageError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 || errno != EINTR {
        throw .system(count == 0 ? EIO : errno, "write to an upload")
      }
    }
  }

  /// - Returns: the number of bytes read: fewer than asked for only at the end of the file.
  static func read(
    into buffer: UnsafeMutableRawBufferPointer, from descriptor: CInt, at offset: Int64
  ) throws(StorageError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = pread(
        descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset) + off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 {
        break
      } else if errno != EINTR {
        throw .system(errno, "read a file")
      }
    }
    return done
  }

  static func syncData(_ descriptor: CInt, _ what: String) throws(StorageError) {
    if fdatasync(descriptor) != 0 { throw .system(errno, "sync \(what)") }
  }

  /// Makes a rename, creation or removal in the directory durable.
  static func syncDirectory(_ path: String) throws(StorageError) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw .system(errno, "sync the directory \(path)") }
  }

  static func rename(_ old: String, to new: String) throws(StorageError) {
    if Glibc.rename(old, new) != 0 { throw .system(errno, "move \(old) to \(new)") }
  }

  /// A file that is gone already is no error.
  static func remove(_ path: String) throws(StorageError) {
    if unlink(path) != 0, errno != ENOENT { throw .system(errno, "remove \(path)") }
  }

  /// Size in bytes and time of the last change, in seconds since 1970; nil if there is no such file.
  static func status(_ path: String) throws(StorageError) -> (size: Int64, modified: Int64)? {
    var status = stat()
    if stat(path, &status) == 0 { return (Int64(status.st_size), Int64(status.st_mtim.tv_sec)) }
    if errno == ENOENT { return nil }
    throw .system(errno, "look at \(path)")
  }

  static func size(ofPath path: String) throws(StorageError) -> Int64 {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .system(errno, "look at \(path)") }
    return Int64(status.st_size)
  }

  static func size(of descriptor: CInt) throws(StorageError) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(errno, "look at an open file") }
    return Int64(status.st_size)
  }

  /// The names in a directory, without `.` and `..`, in no order; none if there is no such directory.
  static func names(in path: String) throws(StorageError) -> [String] {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return [] }
      throw .system(errno, "list \(path)")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
          String(cString: $0)
        }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
