import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// Files of the user's machine, with errors in words for the user.
enum LocalFile {
  /// - Returns: nil if there is no such file.
  static func contents(_ path: String, atMost limit: Int) throws(TransferError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw failure("read \(path)")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read \(path)") }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else { throw .failed("\(path) has more than \(limit) bytes") }
      bytes += buffer[..<count]
    }
  }

  /// Whether it is a file that can be read from any place, and not a pipe or a device.
  static func isRegular(_ path: String) throws(TransferError) -> Bool {
    var status = stat()
    if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFREG }
    if errno == ENOENT || errno == ENOTDIR { throw .notFound("there is no file \(path)") }
    throw failure("look at \(path)")
  }

  /// - Throws: `TransferError.notFound` if there is no such file.
  static func existing(_ path: String, atMost limit: Int) throws(TransferError) -> [UInt8] {
    guard let bytes = try contents(path, atMost: limit) else {
      throw .notFound("there is no file \(path)")
    }
    return bytes
  }

  /// - Returns: bytes; nil if there is no such file.
  static func size(_ path: String) throws(TransferError) -> Int64? {
    var status = stat()
    if stat(path, &status) == 0 { return Int64(status.st_size) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw failure("look at \(path)")
  }

  /// The names of regular files, or of links to such, in their order.
  /// - Returns: none if there is no such directory.
  static func fileNames(in directory: String) throws(TransferError) -> [String] {
    guard let stream = opendir(directory) else {
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw failure("read \(directory)")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw failure("read \(directory)") }
        return names.sorted()
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      var status = stat()
      guard stat("\(directory)/\(name)", &status) == 0 else {
        // It went meanwhile.
        if errno == ENOENT { continue }
        throw failure("look at \(directory)/\(name)")
      }
      if status.st_mode & S_IFMT == S_IFREG { names.append(name) }
    }
  }

  /// Whether a directory can be made or filled there; false for what is none.
  static func isEmptyOrMissing(_ path: String) throws(TransferError) -> Bool {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return true }
      if errno == ENOTDIR { return false }
      throw failure("open \(path)")
    }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count <= 2
  }

  static func makeDirectories(_ path: String) throws(TransferError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      prefix += component
      if mkdir(prefix, 0o755) != 0, errno != EEXIST { throw failure("create the directory \(prefix)") }
      prefix += "/"
    }
  }

  /// The path from the root on; of a place that need not be there, but whose directory is.
  static func absolute(_ path: String) throws(TransferError) -> String {
    if path.hasPrefix("/") { return path }
    guard let current = getcwd(nil, 0) else { throw failure("find the current directory") }
    defer { free(current) }
    let prefix = String(cString: current)
    return (prefix == "/" ? "" : prefix) + "/" + path
  }

  /// The directory that a path's last component is in.
  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The path without links, also of a file that is not there yet.
  /// - Throws: `TransferError` for a link to nothing.
  static func resolved(_ path: String) throws(TransferError) -> String {
    if let real = realpath(path, nil) {
      defer { free(real) }
      return String(cString: real)
    }
    var status = stat()
    guard errno == ENOENT, lstat(path, &status) != 0 else {
      throw errno == ENOENT ? .failed("\(path) is a link to nothing") : failure("find \(path)")
    }
    return path
  }

  /// Gives a file new content, all of it or nothing.
  /// - Parameters:
  ///   - temporary: where it is written first, on the same file system; nil for a place beside the file.
  ///   - keepsOwner: whether it has to have the mode and the owner of the file that is there, if one is.
  static func replace(
    _ path: String, with bytes: [UInt8], temporary: String? = nil, keepsOwner: Bool = false
  ) throws(TransferError) {
    let temporary = temporary ?? "\(path).\(UInt64.random(in: .min ... .max)).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("write \(temporary)") }
    do throws(TransferError) {
      defer { close(descriptor) }
      try write(bytes, to: descriptor, at: 0)
      if keepsOwner { try keepOwner(of: path, for: descriptor) }
      guard fsync(descriptor) == 0 else { throw failure("write \(temporary)") }
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let error = failure("write \(path)")
      unlink(temporary)
      throw error
    }
  }

  private static func keepOwner(of path: String, for descriptor: CInt) throws(TransferError) {
    var (old, new) = (stat(), stat())
    guard stat(path, &old) == 0 else {
      if errno == ENOENT { return }
      throw failure("look at \(path)")
    }
    guard fstat(descriptor, &new) == 0,
      (new.st_uid, new.st_gid) == (old.st_uid, old.st_gid) || fchown(descriptor, old.st_uid, old.st_gid) == 0,
      fchmod(descriptor, old.st_mode & 0o7777) == 0
    else { throw failure("keep the owner of \(path)") }
  }

  static func write(_ bytes: [UInt8], to descriptor: CInt, at offset: Int64) throws(TransferError) {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(TransferError) in try write(bytes, to: descriptor, at: offset) }
    }.get()
  }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int64
  ) throws(TransferError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 || errno != EINTR {
        throw failure("write")
      }
    }
  }

  /// Has the directory that a file is in on the disk, with the file's name.
  static func syncDirectory(of path: String) throws(TransferError) {
    let directory = directory(of: path)
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open \(directory)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("write \(directory)") }
  }

  /// A lock on a directory, held until it is released or the process ends.
  struct Lock {
    fileprivate let descriptor: CInt

    func release() { close(descriptor) }
  }

  static func lock(_ directory: String) throws(TransferError) -> Lock {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open \(directory)") }
    while flock(descriptor, LOCK_EX) != 0 {
      if errno == EINTR { continue }
      let error = failure("lock \(directory)")
      close(descriptor)
      throw error
    }
    return Lock(descriptor: descriptor)
  }

  /// From `errno`, right after the system call.
  static func failure(_ operation: String) -> TransferError {
    let code = errno
    switch code {
    case EACCES, EPERM: return .denied("cannot \(operation): \(String(cString: strerror(code)))")
    case ENOSPC, EDQUOT: return .failed("cannot \(operation): no space is left: free some and try again")
    default: return .failed("cannot \(operation): \(String(cString: strerror(code)))")
    }
  }
}
