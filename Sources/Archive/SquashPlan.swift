/// What a squashed archive has, and where it is taken from.
struct SquashPlan {
  /// With their paths, each before what is in it.
  private(set) var directories: [TarEntry] = []
  /// What no layer has.
  private(set) var made: [TarEntry] = []
  /// Of each layer which entries are taken, in their order, and under which names.
  private(set) var layers: [[(entry: Int, paths: [RawPath])]]

  /// What the kernel takes, without the end.
  private static let longestPath = 4095

  /// - Parameter prefix: of the paths.
  /// - Throws: `ArchiveError.refused` for a path that is too long.
  init(_ root: SquashDirectory, layerCount: Int, prefix: RawPath) throws(ArchiveError) {
    var paths: [ObjectIdentifier: (file: SquashFile, paths: [RawPath])] = [:]
    var pending: [(directory: SquashDirectory, path: RawPath)] = [(root, prefix)]
    layers = Array(repeating: [], count: layerCount)
    while let (directory, path) = pending.popLast() {
      var entry = directory.entry
      entry.path = path.isEmpty ? "./" : path.appending("")
      directories.append(entry)
      for (name, place) in directory.places {
        let path = path.appending(name)
        guard path.bytes.count <= Self.longestPath else {
          throw .refused(
            entry: path.description, reason: "its path has more than \(Self.longestPath) bytes")
        }
        switch place.node {
        case .directory(let child): pending.append((child, path))
        case .other(let file): paths[ObjectIdentifier(file), default: (file, [])].paths.append(path)
        }
      }
    }
    // All that is in a directory comes after it, for its path begins with the directory's. The root is first already.
    directories[1...].sort { $0.path < $1.path }
    for (file, paths) in paths.values { add(file, paths.sorted()) }
    made.sort { $0.path < $1.path }
    for index in layers.indices { layers[index].sort { $0.entry < $1.entry } }
  }

  private mutating func add(_ file: SquashFile, _ paths: [RawPath]) {
    switch file.source {
    case .layer(let layer, let entry): layers[layer].append((entry, paths))
    case .made(let entry):
      made += paths.map { path in
        var entry = entry
        entry.path = path
        return entry
      }
    }
  }
}
