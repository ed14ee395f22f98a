import CArchive
import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// Owner, mode, times and extended attributes of what is unpacked.
struct FileAttributes {
  var userID: UInt32
  var groupID: UInt32
  var mode: mode_t
  var modificationTime: FileTime
  var extendedAttributes: [RawPath: [UInt8]] = [:]

  /// Sets those of an open file or directory, in the order in which none undoes another: a change of owner takes
  /// set-user-id and `security.capability` away.
  /// - Parameter isOwned: whether this process made it, as its own user's.
  func set(
    _ descriptor: CInt, _ path: RawPath, isOwned: Bool, noting note: (String) -> Void
  ) throws(ArchiveError) {
    if !isOwned || userID != geteuid() || groupID != getegid() {
      try Self.check(fchown(descriptor, userID, groupID), "set the owner of \(path)")
    }
    try Self.check(fchmod(descriptor, mode), "set the mode of \(path)")
    try setExtendedAttributes(path, noting: note) { fsetxattr(descriptor, $0, $1, $2, 0) }
    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
    times[0] = modificationTime.specification
    times[1] = times[0]
    try Self.check(futimens(descriptor, times), "set the time of \(path)")
  }

  /// Sets those of a symbolic link, device or pipe, itself.
  func set(_ name: RawPath, in directory: DirectoryHandle, _ path: RawPath, noting note: (String) -> Void)
    throws(ArchiveError)
  {
    let isLink = try directory.status(name)?.isSymbolicLink ?? false
    try Self.check(
      name.withCString { fchownat(directory.descriptor, $0, userID, groupID, AT_SYMLINK_NOFOLLOW) },
      "set the owner of \(path)")
    if !isLink {
      try Self.check(
        name.withCString { fchmodat(directory.descriptor, $0, mode, 0) }, "set the mode of \(path)")
    }
    let processPath = directory.processPath(name)
    try setExtendedAttributes(path, noting: note) { attribute, value, count in
      processPath.withCString { lsetxattr($0, attribute, value, count, 0) }
    }
    let times = [modificationTime.specification, modificationTime.specification]
    try Self.check(
      name.withCString { utimensat(directory.descriptor, $0, times, AT_SYMLINK_NOFOLLOW) },
      "set the time of \(path)")
  }

  /// Attributes that the file system or the kernel does not take are noted: no file becomes wrong without them that
  /// would be right on this machine.
  private func setExtendedAttributes(
    _ path: RawPath, noting note: (String) -> Void,
    _ set: (UnsafePointer<CChar>, UnsafeRawPointer?, Int) -> CInt
  ) throws(ArchiveError) {
    guard !extendedAttributes.isEmpty else { return }
    for (attribute, value) in extendedAttributes.sorted(by: { $0.key < $1.key }) {
      let status = attribute.withCString { name in
        value.withUnsafeBytes { set(name, $0.baseAddress, $0.count) }
      }
      if status == 0 { continue }
      switch errno {
      case EPERM, EOPNOTSUPP, EINVAL, ERANGE, E2BIG:
        note("the attribute \(attribute) was left out: \(String(cString: strerror(errno)))")
      default: throw .system(errno, "set the attribute \(attribute) of \(path)")
      }
    }
  }

  private static func check(_ status: CInt, _ operation: @autoclosure () -> String) throws(ArchiveError) {
    if status != 0 { throw .system(errno, operation()) }
  }
}

extension FileTime {
  var specification: timespec { timespec(tv_sec: Int(seconds), tv_nsec: nanoseconds) }
}
