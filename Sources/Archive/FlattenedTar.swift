import CArchive
import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// Writes a directory's tree, such as an unpacked image, as one tar archive. The same tree gives the same bytes: the
/// entries are sorted by path, hard links are kept with the first of their names as the file, holes stay holes.
public struct FlattenedTar {
  private let writer: TarWriter
  private let prefix: RawPath
  private let ownership: UnpackOptions.Ownership
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
  /// Where the files with several names were written first.
  private var firstPaths: [UInt64: RawPath] = [:]

  /// Writes the tree at `root`, with the root itself as an entry. The writer is not finished: more may follow.
  /// - Parameters:
  ///   - prefix: of the entries' paths, without slashes around it, such as `rootfs`; empty for none, where the root's
  ///     entry is `./`.
  ///   - ownership: what to say about owners; `.mapped(userID: 0, groupID: 0)` where a user without root unpacked the
  ///     tree.
  /// - Throws: `ArchiveError.failed`, and what the writer's sink throws.
  public static func write(
    _ root: String, prefix: RawPath = "", ownership: UnpackOptions.Ownership = .asStored, to writer: TarWriter
  ) throws {
    let directory = try DirectoryHandle(path: root)
    var archive = FlattenedTar(writer: writer, prefix: prefix, ownership: ownership)
    defer { archive.buffer.deallocate() }
    try archive.writeTree(directory)
  }

  private init(writer: TarWriter, prefix: RawPath, ownership: UnpackOptions.Ownership) {
    self.writer = writer
    self.prefix = prefix
    self.ownership = ownership
  }

  private mutating func writeTree(_ root: DirectoryHandle) throws {
    var cursor = TreeCursor(root)
    var levels: [(path: RawPath, names: [RawPath])] = []
    try writeDirectory(root, prefix.isEmpty ? "." : prefix)
    levels.append((prefix, try root.names().reversed()))
    while let level = levels.last {
      guard let name = level.names.last else {
        levels.removeLast()
        if !levels.isEmpty { try cursor.ascend() }
        continue
      }
      levels[levels.count - 1].names.removeLast()
      let path = level.path.appending(name)
      if try cursor.descend(name) {
        try writeDirectory(cursor.directory, path)
        levels.append((path, try cursor.directory.names().reversed()))
      } else {
        try writeOther(name, in: cursor.directory, path)
      }
    }
  }

  private func writeDirectory(_ directory: DirectoryHandle, _ path: RawPath) throws {
    var status = stat()
    try directory.check(fstat(directory.descriptor, &status), "look at \(path)")
    var entry = entry(path.appending(""), .directory, status)
    entry.extendedAttributes = try ExtendedAttributes.read(directory.descriptor, path)
    try writer.add(entry)
  }

  private mutating func writeOther(_ name: RawPath, in directory: DirectoryHandle, _ path: RawPath) throws {
    guard let status = try directory.status(name) else { return }
    if status.st_nlink > 1 {
      if let first = firstPaths[UInt64(status.st_ino)] {
        return try writer.add(entry(path, .hardLink(target: first), status))
      }
      firstPaths[UInt64(status.st_ino)] = path
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: try writeFile(name, in: directory, path)
    case S_IFLNK:
      guard let target = try directory.linkTarget(name) else { return }
      try writeNode(.symbolicLink(target: target), status, name, in: directory, path)
    case S_IFCHR:
      try writeNode(
        .characterDevice(
          major: kontor_device_major(status.st_rdev), minor: kontor_device_minor(status.st_rdev)),
        status, name, in: directory, path)
    case S_IFBLK:
      try writeNode(
        .blockDevice(major: kontor_device_major(status.st_rdev), minor: kontor_device_minor(status.st_rdev)),
        status, name, in: directory, path)
    case S_IFIFO: try writeNode(.fifo, status, name, in: directory, path)
    default: return  // Sockets have no place in an archive.
    }
  }

  private func writeNode(
    _ kind: TarEntry.Kind, _ status: stat, _ name: RawPath, in directory: DirectoryHandle, _ path: RawPath
  ) throws {
    var entry = entry(path, kind, status)
    entry.extendedAttributes = try ExtendedAttributes.read(name, in: directory, path)
    try writer.add(entry)
  }

  private func writeFile(_ name: RawPath, in directory: DirectoryHandle, _ path: RawPath) throws {
    let file = name.withCString { openat(directory.descriptor, $0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) }
    guard file >= 0 else { throw ArchiveError.system(errno, "open \(path)") }
    defer { close(file) }
    var status = stat()
    try directory.check(fstat(file, &status), "look at \(path)")
    var entry = entry(path, .file, status)
    entry.extendedAttributes = try ExtendedAttributes.read(file, path)
    // Fewer blocks than bytes: there may be holes.
    if Int64(status.st_blocks) * 512 < entry.size { entry.regions = try regions(of: file, entry.size, path) }
    try writer.add(entry)
    for region in entry.regions ?? [TarEntry.Region(offset: 0, length: entry.size)] {
      try copy(region, of: file, path)
    }
  }

  private func copy(_ region: TarEntry.Region, of file: CInt, _ path: RawPath) throws {
    var position = region.offset
    let end = region.offset + region.length
    while position < end {
      let count = pread(
        file, buffer.baseAddress, Int(min(Int64(buffer.count), end - position)), off_t(position))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw ArchiveError.system(errno, "read \(path)") }
      guard count > 0 else {
        throw ArchiveError.failed(operation: "read \(path)", reason: "it became shorter meanwhile")
      }
      try writer.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      position += Int64(count)
    }
  }

  /// - Returns: nil if there are no holes.
  private func regions(of file: CInt, _ size: Int64, _ path: RawPath) throws -> [TarEntry.Region]? {
    var regions: [TarEntry.Region] = []
    var position: off_t = 0
    while position < size {
      let start = lseek(file, position, kontor_seek_data)
      if start < 0 {
        if errno == ENXIO { break }  // Nothing but a hole follows.
        throw ArchiveError.system(errno, "find the data of \(path)")
      }
      let end = lseek(file, start, kontor_seek_hole)
      guard end >= 0 else { throw ArchiveError.system(errno, "find the holes of \(path)") }
      regions.append(TarEntry.Region(offset: Int64(start), length: Int64(end - start)))
      position = end
    }
    return regions == [TarEntry.Region(offset: 0, length: size)] ? nil : regions
  }

  private func entry(_ path: RawPath, _ kind: TarEntry.Kind, _ status: stat) -> TarEntry {
    var owner = (status.st_uid, status.st_gid)
    if case .mapped(let userID, let groupID) = ownership { owner = (userID, groupID) }
    return TarEntry(
      path: path, kind: kind, mode: UInt16(status.st_mode & 0o7777), userID: Int64(owner.0),
      groupID: Int64(owner.1),
      modificationTime: FileTime(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: status.st_mtim.tv_nsec),
      size: kind == .file ? Int64(status.st_size) : 0)
  }
}
