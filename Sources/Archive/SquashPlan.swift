/// What a squashed archive has, and where it is taken from.
struct SquashPlan {
  /// An entry of a layer, counted from 0, under one of the names that it has in the end.
  struct Taken {
    let entry: Int32
    let path: RawPath
  }

  /// With their paths, each before what is in it.
  private(set) var directories: [TarEntry] = []
  /// Symbolic links that no layer has, sorted.
  private(set) var addedLinks: [TarEntry] = []
  /// Of each layer, in the order of its entries, and those of one entry sorted by path.
  private(set) var layers: [[Taken]]

  /// What the kernel takes, without the end.
  private static let longestPath = 4095

  /// - Parameter prefix: of the paths.
  /// - Throws: `ArchiveError.refused` for a path that is too long.
  init(_ root: SquashDirectory, layerCount: Int, prefix: RawPath) throws(ArchiveError) {
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
        case .other(let file): add(file, path)
        }
      }
    }
    // All that is in a directory comes after it, for its path begins with the directory's. The root is first already.
    directories[1...].sort { $0.path < $1.path }
    addedLinks.sort { $0.path < $1.path }
    for index in layers.indices { layers[index].sort { ($0.entry, $0.path) < ($1.entry, $1.path) } }
  }

  private mutating func add(_ file: SquashFile, _ path: RawPath) {
    switch file.source {
    case .layer(let layer, let entry): layers[Int(layer)].append(Taken(entry: entry, path: path))
    case .added:
      let target = file.linkTarget ?? ""
      addedLinks.append(TarEntry(path: path, kind: .symbolicLink(target: target), mode: 0o777))
    }
  }
}
