#if canImport(Glibc)
  import Glibc
#endif

/// Reading files and directories of settings. What is not there is no error.
enum SettingsFile {
  /// Bytes; a larger file is not settings.
  static let maximumSize = 4 << 20

  /// - Returns: nil if there is no such file.
  /// - Throws: `SettingsError.unreadable`
  static func read(_ path: String) throws(SettingsError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .unreadable(path: path, reason: reason())
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count > 0 {
        bytes += buffer[..<count]
      } else if errno != EINTR {
        throw .unreadable(path: path, reason: reason())
      }
      guard bytes.count <= maximumSize else {
        throw .unreadable(path: path, reason: "it is larger than \(maximumSize >> 20) MiB")
      }
    }
  }

  /// - Returns: nil if there is no such file.
  /// - Throws: `SettingsError.unreadable`, `.malformed` if it is not text.
  static func text(_ path: String) throws(SettingsError) -> String? {
    guard let bytes = try read(path) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw .malformed(path: path, reason: "it is not UTF-8 text")
    }
    return text
  }

  /// The names in a directory, sorted by their bytes, without those that begin with a dot.
  /// - Returns: nil if there is no such directory, or this user may not look into it: then its settings are for others.
  /// - Throws: `SettingsError.unreadable`
  static func names(in path: String) throws(SettingsError) -> [String]? {
    guard let directory = opendir(path) else {
      if [ENOENT, ENOTDIR, EACCES].contains(errno) { return nil }
      throw .unreadable(path: path, reason: reason())
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
          String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The last system call's error, in words.
  static func reason() -> String { String(cString: strerror(errno)) }
}
