/// What the directories of a tree are to have in the end, by their paths, which are free of links.
struct DirectoryAttributes {
  private let root: DirectoryHandle
  private let records: [(path: [RawPath], record: DirectoryRecord)]

  init(root: DirectoryHandle, _ records: [RawPath: DirectoryRecord]) {
    self.root = root
    // So that all that is in a directory comes right after it.
    self.records = records.map { ($0.key.components, $0.value) }
      .sorted { $0.path.lexicographicallyPrecedes($1.path) }
  }

  /// Sets them, those of a directory after those of all that is in it: no directory closes the way to another one, and
  /// none is changed again. What was removed by a later layer is passed over.
  func set(noting note: (RawPath, String) -> Void) throws(ArchiveError) {
    var cursor = TreeCursor(root)
    var way: [(name: RawPath, record: DirectoryRecord?)] = []
    var rootRecord: DirectoryRecord?
    for (path, record) in records {
      let common = zip(way, path).prefix { $0.name == $1 }.count
      while way.count > common { try leave(&cursor, &way, note) }
      while way.count < path.count, try cursor.descend(path[way.count]) { way.append((path[way.count], nil)) }
      guard way.count == path.count, cursor.directory.inode == record.inode else { continue }
      if way.isEmpty {
        rootRecord = record
      } else {
        way[way.count - 1].record = record
      }
    }
    while !way.isEmpty { try leave(&cursor, &way, note) }
    try rootRecord?.attributes.set(root.descriptor, "", isOwned: false) { note("", $0) }
  }

  private func leave(
    _ cursor: inout TreeCursor, _ way: inout [(name: RawPath, record: DirectoryRecord?)],
    _ note: (RawPath, String) -> Void
  ) throws(ArchiveError) {
    let directory = cursor.directory
    try cursor.ascend()
    guard let (name, record) = way.popLast(), let record else { return }
    let path = RawPath(joining: way.map(\.name) + [name])
    try record.attributes.set(directory.descriptor, path, isOwned: false) { note(path, $0) }
  }
}

/// What a directory is to have in the end.
struct DirectoryRecord {
  let inode: UInt64
  var attributes: FileAttributes
}
