import CArchive
import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// How one entry becomes a file. Nothing here has a path: there is a directory, which `PathResolver` found, and a name
/// in it, which is never followed.
extension LayerUnpacker {
  func apply(_ entry: TarEntry, _ archive: TarReader) throws {
    guard !entry.path.hasParentComponent else {
      throw ArchiveError.refused(entry: entry.path.description, reason: "its path has a component \"..\"")
    }
    guard let (parentPath, name) = entry.path.splitNormalized() else { return try applyRoot(entry) }
    if let whiteout = try Whiteout(parentPath, name, entry) {
      if case .bookkeeping = whiteout { return skip(entry, "bookkeeping of AUFS was left out") }
      return try apply(whiteout, in: parentPath, of: entry)
    }
    if entry.kind == .socket { return skip(entry, "sockets are left out") }
    guard
      let parent = try resolver.directory(
        parentPath, for: entry.path, making: { try self.makeImplicitDirectory($0, in: $1) })
    else { return }
    try place(entry, name, in: parent, archive)
    placed?.insert(PlacedName(directory: parent.directory.inode, name: name))
  }

  private func place(
    _ entry: TarEntry, _ name: RawPath, in parent: PathResolver<DirectoryHandle>.Location,
    _ archive: TarReader
  ) throws {
    let directory = parent.directory
    switch entry.kind {
    case .file: try placeFile(entry, name, in: directory, archive)
    case .directory: try placeDirectory(entry, name, in: parent)
    case .hardLink(let target): try placeHardLink(entry, to: target, name, in: directory)
    case .symbolicLink(let target):
      try placeNode(entry, name, in: directory) { link in
        target.withCString { symlinkat($0, directory.descriptor, link) }
      }
    case .characterDevice(let major, let minor):
      try placeDevice(entry, S_IFCHR, kontor_device(major, minor), name, in: directory)
    case .blockDevice(let major, let minor):
      try placeDevice(entry, S_IFBLK, kontor_device(major, minor), name, in: directory)
    case .fifo, .socket:
      try placeNode(entry, name, in: directory) { mkfifoat(directory.descriptor, $0, 0o600) }
    }
  }

  // MARK: Files

  private func placeFile(
    _ entry: TarEntry, _ name: RawPath, in directory: DirectoryHandle, _ archive: TarReader
  ) throws {
    let file = try createFile(entry, name, in: directory)
    defer { close(file) }
    var end: Int64 = 0
    try archive.forEachBlock { offset, bytes in
      try write(bytes, to: file, at: offset, of: entry)
      end = offset + Int64(bytes.count)
    }
    if end < entry.size, ftruncate(file, off_t(entry.size)) != 0 {
      throw ArchiveError.system(errno, "make \(entry.path) \(entry.size) bytes long")
    }
    try attributes(of: entry).set(file, entry.path, isOwned: true) { report.note(entry.path, $0) }
  }

  private func createFile(_ entry: TarEntry, _ name: RawPath, in directory: DirectoryHandle) throws -> CInt {
    let create = {
      name.withCString {
        openat(directory.descriptor, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      }
    }
    var file = create()
    if file < 0, errno == EEXIST {
      try makeRoom(for: name, in: directory)
      file = create()
    }
    guard file >= 0 else { throw ArchiveError.system(errno, "make the file \(entry.path)") }
    return file
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to file: CInt, at offset: Int64, of entry: TarEntry)
    throws
  {
    var rest = bytes
    var position = offset
    while !rest.isEmpty {
      let count = pwrite(file, rest.baseAddress, rest.count, off_t(position))
      if count < 0 {
        if errno == EINTR { continue }
        throw ArchiveError.system(errno, "write the file \(entry.path)")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      position += Int64(count)
    }
  }

  // MARK: Directories

  /// The root itself: `./` at the start of most layers.
  private func applyRoot(_ entry: TarEntry) throws {
    guard entry.kind == .directory else {
      throw ArchiveError.refused(entry: entry.path.description, reason: "it would replace the root directory")
    }
    directories[RawPath("")] = DirectoryRecord(inode: root.inode, attributes: try attributes(of: entry))
  }

  private func placeDirectory(
    _ entry: TarEntry, _ name: RawPath, in parent: PathResolver<DirectoryHandle>.Location
  ) throws {
    let attributes = try attributes(of: entry)
    var existing = try parent.directory.directory(name)
    if existing == nil {
      try makeRoom(for: name, in: parent.directory)
      try parent.directory.makeDirectory(name)
      existing = try parent.directory.directory(name)
    }
    guard let existing else {
      throw ArchiveError.failed(
        operation: "make the directory \(entry.path)", reason: "it was removed meanwhile")
    }
    directories[parent.path.appending(name)] = DirectoryRecord(inode: existing.inode, attributes: attributes)
  }

  /// One that entries are in and none describes.
  private func makeImplicitDirectory(
    _ name: RawPath, in parent: PathResolver<DirectoryHandle>.Location
  ) throws {
    try budget.takeEntry()
    try parent.directory.makeDirectory(name)
    guard let made = try parent.directory.directory(name) else { return }
    directories[parent.path.appending(name)] = implicitDirectory(made)
  }

  /// Root's or the mapped user's, with the time 0, so that the same image always gives the same tree.
  func implicitDirectory(_ directory: DirectoryHandle) -> DirectoryRecord {
    var owner: (UInt32, UInt32) = (0, 0)
    if case .mapped(let userID, let groupID) = options.ownership { owner = (userID, groupID) }
    return DirectoryRecord(
      inode: directory.inode,
      attributes: FileAttributes(
        userID: owner.0, groupID: owner.1, mode: 0o755, modificationTime: FileTime(seconds: 0)))
  }

  // MARK: Links, devices, pipes

  private func placeHardLink(
    _ entry: TarEntry, to target: RawPath, _ name: RawPath, in directory: DirectoryHandle
  ) throws {
    let refuse = { (reason: String) in
      ArchiveError.refused(entry: entry.path.description, reason: "it is a hard link to \(target), \(reason)")
    }
    guard !target.hasParentComponent, let (targetParent, targetName) = target.splitNormalized() else {
      throw refuse("which is no path of a file of the image")
    }
    guard let place = try resolver.directory(targetParent, for: entry.path)?.directory,
      let status = try place.status(targetName)
    else {
      guard skipped.contains(targetParent.appending(targetName)) else {
        throw refuse("which is not in the image")
      }
      try makeRoom(for: name, in: directory)
      return skip(entry, "what it is a hard link to was left out")
    }
    guard !status.isDirectory else { throw refuse("which is a directory") }
    if place.inode == directory.inode, targetName == name { return }
    try makeRoom(for: name, in: directory)
    let linked = targetName.withCString { from in
      name.withCString { linkat(place.descriptor, from, directory.descriptor, $0, 0) }
    }
    guard linked == 0 else { throw ArchiveError.system(errno, "link \(entry.path) to \(target)") }
  }

  private func placeDevice(
    _ entry: TarEntry, _ type: mode_t, _ device: dev_t, _ name: RawPath, in directory: DirectoryHandle
  ) throws {
    try makeRoom(for: name, in: directory)
    guard options.isPrivileged else { return skip(entry, "devices are left out, as only root can make them") }
    if name.withCString({ mknodat(directory.descriptor, $0, type | 0o600, device) }) != 0 {
      // Root of a container may be kept from it.
      guard errno == EPERM else { throw ArchiveError.system(errno, "make the device \(entry.path)") }
      return skip(entry, "devices are left out, as this system does not let this process make them")
    }
    try attributes(of: entry).set(name, in: directory, entry.path) { report.note(entry.path, $0) }
  }

  private func placeNode(
    _ entry: TarEntry, _ name: RawPath, in directory: DirectoryHandle,
    _ make: (_ name: UnsafePointer<CChar>) -> CInt
  ) throws {
    try makeRoom(for: name, in: directory)
    guard name.withCString({ make($0) }) == 0 else { throw ArchiveError.system(errno, "make \(entry.path)") }
    try attributes(of: entry).set(name, in: directory, entry.path) { report.note(entry.path, $0) }
  }

  // MARK: What they have in common

  /// Removes what has the name.
  private func makeRoom(for name: RawPath, in directory: DirectoryHandle) throws {
    guard let status = try directory.status(name) else { return }
    if status.isDirectory || status.isSymbolicLink { resolver.forget() }
    try TreeRemoval.remove(name, in: directory) { _, _ in false }
  }

  private func skip(_ entry: TarEntry, _ reason: String) {
    report.note(entry.path, reason)
    if let (parent, name) = entry.path.splitNormalized() { skipped.insert(parent.appending(name)) }
  }

  private func attributes(of entry: TarEntry) throws -> FileAttributes {
    var owner: (UInt32, UInt32)
    switch options.ownership {
    case .mapped(let userID, let groupID): owner = (userID, groupID)
    case .asStored:
      // The highest number means "unchanged" to chown(2).
      guard let userID = UInt32(exactly: entry.userID), let groupID = UInt32(exactly: entry.groupID),
        userID != .max, groupID != .max
      else {
        throw ArchiveError.refused(
          entry: entry.path.description,
          reason: "its owner \(entry.userID):\(entry.groupID) cannot exist on Linux")
      }
      owner = (userID, groupID)
    }
    var attributes = FileAttributes(
      userID: owner.0, groupID: owner.1, mode: mode_t(entry.mode), modificationTime: entry.modificationTime)
    for (name, value) in entry.extendedAttributes {
      if let reason = reasonToLeaveOut(attribute: name) {
        report.note(entry.path, "the attribute \(name) was left out: \(reason)")
      } else {
        attributes.extendedAttributes[name] = value
      }
    }
    return attributes
  }

  private func reasonToLeaveOut(attribute name: RawPath) -> String? {
    if let reason = TarEntry.reasonToLeaveOut(attribute: name) { return reason }
    if !options.isPrivileged, name.hasPrefix("security.") || name.hasPrefix("trusted.") {
      return "only root can set it"
    }
    return nil
  }
}
