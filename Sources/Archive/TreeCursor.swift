import ContainerImage

/// Walks a tree with one directory open at a time, however deep it is.
struct TreeCursor {
  private(set) var directory: DirectoryHandle
  private var inodes: [UInt64] = []

  init(_ directory: DirectoryHandle) { self.directory = directory }

  /// - Returns: false if `name` is no directory.
  mutating func descend(_ name: RawPath) throws(ArchiveError) -> Bool {
    guard let child = try directory.directory(name) else { return false }
    inodes.append(directory.inode)
    directory = child
    return true
  }

  /// Back to where `descend` was called.
  mutating func ascend() throws(ArchiveError) {
    let parent = try directory.parent()
    guard let expected = inodes.popLast(), parent.inode == expected else {
      throw .failed(operation: "walk a directory", reason: "it was moved meanwhile by someone else")
    }
    directory = parent
  }
}
