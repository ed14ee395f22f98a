/// What the directories of a tree are to have in the end, by their paths, which are free of links.
struct DirectoryAttributes {
  private let root: DirectoryHandle
  private let records: [(names: [RawPath], path: RawPath, record: DirectoryRecord)]

  /// A directory that the walk is in, with what it is to have if anything says so.
  private struct Level {
    let name: RawPath
    var end: (path: RawPath, attributes: FileAttributes)?
  }

  init(root: DirectoryHandle, _ records: [RawPath: DirectoryRecord]) {
    self.root = root
    // So that all that is in a directory comes right after it.
    self.records = records.map { ($0.key.components, $0.key, $0.value) }
      .sorted { $0.names.lexicographicallyPrecedes($1.names) }
  }

  /// Sets them, those of a directory after those of all that is in it: no directory closes the way to another one, and
  /// none is changed again. What was removed by a later layer is passed over.
  func set(noting note: (RawPath, String) -> Void) throws(ArchiveError) {
    var cursor = TreeCursor(root)
    var way: [Level] = []
    for (names, path, record) in records where !names.isEmpty {
      let common = zip(way, names).prefix { $0.name == $1 }.count
      while way.count > common { try leave(&cursor, &way, note) }
      while way.count < names.count, try cursor.descend(names[way.count]) {
        way.append(Level(name: names[way.count]))
      }
      if way.count == names.count, cursor.directory.inode == record.inode {
        way[way.count - 1].end = (path, record.attributes)
      }
    }
    while !way.isEmpty { try leave(&cursor, &way, note) }
    for (names, path, record) in records where names.isEmpty {
      try record.attributes.set(root.descriptor, path, isOwned: false) { note(path, $0) }
    }
  }

  private func leave(
    _ cursor: inout TreeCursor, _ way: inout [Level], _ note: (RawPath, String) -> Void
  ) throws(ArchiveError) {
    let directory = cursor.directory
    try cursor.ascend()
    guard let (path, attributes) = way.popLast()?.end else { return }
    try attributes.set(directory.descriptor, path, isOwned: false) { note(path, $0) }
  }
}

/// What a directory is to have in the end.
struct DirectoryRecord {
  let inode: UInt64
  var attributes: FileAttributes
}
