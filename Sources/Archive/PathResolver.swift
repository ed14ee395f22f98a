import ContainerImage

/// A directory in which paths are found: one that is open, or one that layers would make.
protocol ResolvableDirectory: AnyObject {
  /// The directory `name` in this one; nil if there is none, or if it is something else.
  func directory(_ name: RawPath) throws(ArchiveError) -> Self?
  /// What the symbolic link `name` says; nil if it is none.
  func linkTarget(_ name: RawPath) throws(ArchiveError) -> RawPath?
  func contains(_ name: RawPath) throws(ArchiveError) -> Bool
}

/// Finds the directories that entries go to, inside of a root and nowhere else: a path is walked name by name from the
/// root's descriptor, a symbolic link on the way is read and its target walked the same way, with the root for `/` and
/// for what `..` would leave it to. That is what a process in the image would see, and what Docker, containerd and umoci
/// do: where `lib` links to `/usr/lib`, `lib/x` is put at `usr/lib/x` of the root.
struct PathResolver<Directory: ResolvableDirectory> {
  /// A directory with the path at which it is, free of links.
  struct Location {
    let directory: Directory
    let path: RawPath
  }

  private let root: Directory
  /// Where the last entry went: most entries of a layer follow others of the same directory.
  private var last: (path: RawPath, location: Location)?

  /// As the kernel has it (`path_resolution(7)`).
  private static var maximumLinks: Int { 40 }

  init(root: Directory) { self.root = root }

  /// To be called when a directory or a symbolic link was removed or replaced.
  mutating func forget() { last = nil }

  /// The directory that `path` means.
  /// - Parameters:
  ///   - entry: for messages.
  ///   - make: makes a directory that is missing; nil if none are to be made.
  /// - Returns: nil if it is missing.
  /// - Throws: `ArchiveError.refused` for a path through something that is no directory, or a circle of links.
  mutating func directory(
    _ path: RawPath, for entry: RawPath, making make: ((RawPath, Location) throws -> Void)? = nil
  ) throws -> Location? {
    if let last, last.path == path { return last.location }
    var pending = Array(path.components.reversed())
    var way: [RawPath] = []
    var current = root
    var links = 0
    while let name = pending.popLast() {
      if name == RawPath.parent {
        // The directory above is found anew from the root, not by the kernel's `..`.
        if !way.isEmpty { way.removeLast() }
        current = try reopen(way)
      } else if let next = try current.directory(name) {
        way.append(name)
        current = next
      } else if let target = try current.linkTarget(name) {
        links += 1
        guard links <= Self.maximumLinks else {
          throw ArchiveError.refused(
            entry: entry.description, reason: "its path leads through too many links")
        }
        if target.isAbsolute {
          way = []
          current = root
        }
        pending.append(contentsOf: target.components.reversed())
      } else if try current.contains(name) {
        throw ArchiveError.refused(
          entry: entry.description, reason: "\(RawPath(joining: way).appending(name)) is no directory")
      } else if let make {
        try make(name, Location(directory: current, path: RawPath(joining: way)))
        pending.append(name)
      } else {
        return nil
      }
    }
    let location = Location(directory: current, path: RawPath(joining: way))
    last = (path, location)
    return location
  }

  private func reopen(_ way: [RawPath]) throws(ArchiveError) -> Directory {
    var current = root
    for name in way {
      guard let next = try current.directory(name) else {
        throw .failed(
          operation: "open \(RawPath(joining: way))", reason: "it was replaced meanwhile by someone else")
      }
      current = next
    }
    return current
  }
}
