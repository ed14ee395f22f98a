import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// Removes trees. Symbolic links in them are removed, never followed.
public enum TreeRemoval {
  /// Removes the directory with all that is in it, if it is there. What its owner has locked for themselves by its mode
  /// is removed too.
  /// - Throws: `ArchiveError.failed`
  public static func remove(_ path: String) throws(ArchiveError) {
    let text = RawPath(path)
    guard let (parentPath, name) = text.splitNormalized(), name != RawPath.parent else {
      throw .failed(operation: "remove \(path)", reason: "it is no name of a directory")
    }
    let prefix = text.isAbsolute ? "/" : "./"
    let parent = try DirectoryHandle(path: prefix + parentPath.description)
    try remove(name, in: parent) { _, _ in false }
  }

  /// Removes `name` and all that is in it, except for what `isKept` says and the directories that it is in.
  static func remove(
    _ name: RawPath, in parent: DirectoryHandle,
    unless isKept: (_ directory: DirectoryHandle, RawPath) -> Bool
  ) throws(ArchiveError) {
    guard let status = try parent.status(name) else { return }
    guard status.isDirectory else {
      if !isKept(parent, name) { try parent.removeFile(name) }
      return
    }
    var cursor = TreeCursor(parent)
    var levels: [Level] = []
    try descend(&cursor, name, &levels, unless: isKept)
    while let level = levels.last {
      guard let child = level.names.last else {
        try cursor.ascend()
        levels.removeLast()
        if level.isKept {
          if !levels.isEmpty { levels[levels.count - 1].isKept = true }
        } else {
          try cursor.directory.removeEmptyDirectory(level.name)
        }
        continue
      }
      levels[levels.count - 1].names.removeLast()
      guard let status = try cursor.directory.status(child) else { continue }
      if status.isDirectory {
        try descend(&cursor, child, &levels, unless: isKept)
      } else if isKept(cursor.directory, child) {
        levels[levels.count - 1].isKept = true
      } else {
        try cursor.directory.removeFile(child)
      }
    }
  }

  private struct Level {
    let name: RawPath
    var names: [RawPath]
    var isKept: Bool
  }

  private static func descend(
    _ cursor: inout TreeCursor, _ name: RawPath, _ levels: inout [Level],
    unless isKept: (DirectoryHandle, RawPath) -> Bool
  ) throws(ArchiveError) {
    let keeps = isKept(cursor.directory, name)
    if geteuid() != 0 {
      // A directory that its owner may not read or write cannot be emptied. It is a directory, and nobody else's.
      _ = name.withCString { fchmodat(cursor.directory.descriptor, $0, 0o700, 0) }
    }
    guard try cursor.descend(name) else {
      throw .failed(operation: "remove \(name)", reason: "it was replaced meanwhile by someone else")
    }
    levels.append(Level(name: name, names: try cursor.directory.names(), isKept: keeps))
  }
}

extension stat {
  var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
  var isSymbolicLink: Bool { st_mode & S_IFMT == S_IFLNK }
  var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
}
