/// The tree that layers would make, in memory: of files only where their content is, of directories what they are to
/// have.
final class SquashDirectory: ResolvableDirectory {
  /// What a name means.
  struct Place {
    let node: Node
    /// The layer that has an entry of that name; nil for a directory that no entry describes.
    var layer: Int32?
  }

  enum Node {
    case directory(SquashDirectory)
    case other(SquashFile)
  }

  /// Without a path.
  var entry: TarEntry
  private(set) var places: [RawPath: Place] = [:]
  /// How many directories it is in.
  let depth: Int

  init(_ entry: TarEntry, depth: Int) {
    self.entry = entry
    self.depth = depth
  }

  subscript(name: RawPath) -> Place? {
    get { places[name] }
    set { places[name] = newValue }
  }

  func directory(_ name: RawPath) -> SquashDirectory? {
    if case .directory(let directory)? = places[name]?.node { return directory }
    return nil
  }

  func linkTarget(_ name: RawPath) -> RawPath? {
    if case .other(let file)? = places[name]?.node { return file.linkTarget }
    return nil
  }

  func contains(_ name: RawPath) -> Bool { places[name] != nil }

  /// Removes `name` and all that is in it, except for what a layer has placed and the directories that it is in.
  /// - Parameter layer: nil to remove all.
  func remove(_ name: RawPath, exceptOf layer: Int32? = nil) {
    guard let place = places[name] else { return }
    var isKept = layer != nil && place.layer == layer
    if case .directory(let directory) = place.node {
      directory.removeAll(exceptOf: layer)
      isKept = isKept || !directory.places.isEmpty
    }
    if !isKept { places[name] = nil }
  }

  func removeAll(exceptOf layer: Int32?) {
    for name in Array(places.keys) { remove(name, exceptOf: layer) }
  }
}

/// What is no directory; several names may mean the same one. There are many: they are small.
final class SquashFile {
  enum Source {
    /// The entry of a layer, counted from 0.
    case layer(Int32, entry: Int32)
    /// A symbolic link that no layer has.
    case added
  }

  let source: Source
  /// Of a symbolic link.
  let linkTarget: RawPath?

  init(_ source: Source, linkTarget: RawPath?) {
    self.source = source
    self.linkTarget = linkTarget
  }
}
