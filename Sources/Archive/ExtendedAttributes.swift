import CArchive

#if canImport(Glibc)
  import Glibc
#endif

/// Reads extended attributes. On a file system that has none there are none.
enum ExtendedAttributes {
  /// Those of an open file or directory.
  static func read(_ descriptor: CInt, _ path: RawPath) throws(ArchiveError) -> [RawPath: [UInt8]] {
    try read(path, list: { flistxattr(descriptor, $0, $1) }, get: { fgetxattr(descriptor, $0, $1, $2) })
  }

  /// Those of what `name` is, itself.
  static func read(
    _ name: RawPath, in directory: DirectoryHandle, _ path: RawPath
  ) throws(ArchiveError) -> [RawPath: [UInt8]] {
    let processPath = directory.processPath(name)
    return try read(
      path,
      list: { buffer, count in processPath.withCString { llistxattr($0, buffer, count) } },
      get: { attribute, buffer, count in processPath.withCString { lgetxattr($0, attribute, buffer, count) } }
    )
  }

  private static func read(
    _ path: RawPath, list: (UnsafeMutablePointer<CChar>?, Int) -> Int,
    get: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) throws(ArchiveError) -> [RawPath: [UInt8]] {
    let length = list(nil, 0)
    if length < 0, errno == EOPNOTSUPP { return [:] }
    guard length >= 0 else { throw .system(errno, "list the attributes of \(path)") }
    if length == 0 { return [:] }
    var names = [CChar](repeating: 0, count: length)
    let count = names.withUnsafeMutableBufferPointer { list($0.baseAddress, $0.count) }
    guard count >= 0 else { throw .system(errno, "list the attributes of \(path)") }
    var attributes: [RawPath: [UInt8]] = [:]
    for bytes in names[..<count].split(separator: 0) {
      let name = RawPath(bytes.map(UInt8.init(bitPattern:)))
      let size = name.withCString { get($0, nil, 0) }
      guard size >= 0 else { throw .system(errno, "read the attribute \(name) of \(path)") }
      var value = [UInt8](repeating: 0, count: size)
      let read = name.withCString { text in
        value.withUnsafeMutableBytes { get(text, $0.baseAddress, $0.count) }
      }
      guard read >= 0 else { throw .system(errno, "read the attribute \(name) of \(path)") }
      attributes[name] = Array(value[..<read])
    }
    return attributes
  }
}
