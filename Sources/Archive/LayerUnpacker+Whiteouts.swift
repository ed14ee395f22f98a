extension LayerUnpacker {
  func apply(_ whiteout: Whiteout, in parent: RawPath, of entry: TarEntry) throws {
    // Of the first layer they hide nothing, and what is not there needs no directories for its being hidden.
    guard let placed, let location = try resolver.directory(parent, for: entry.path) else { return }
    let isKept = { (directory: DirectoryHandle, name: RawPath) in
      placed.contains(PlacedName(directory: directory.inode, name: name))
    }
    switch whiteout {
    case .bookkeeping: return
    case .name(let name): try TreeRemoval.remove(name, in: location.directory, unless: isKept)
    case .opaque:
      for name in try location.directory.names() {
        try TreeRemoval.remove(name, in: location.directory, unless: isKept)
      }
    }
    resolver.forget()
  }
}
