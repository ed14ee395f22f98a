import ContainerImage

/// What an entry does to the tree: what `LayerUnpacker` does to one on a disk.
extension LayerSquash {
  func survey(_ archive: TarReader, of layer: Int32) throws {
    var index: Int32 = 0
    while let entry = try archive.next() {
      report.entries += 1
      try checkLimits(entry)
      if let warning = archive.warning { report.note(entry.path, warning) }
      try apply(entry, index, of: layer)
      index += 1
    }
  }

  private func checkLimits(_ entry: TarEntry) throws(ArchiveError) {
    nameBytes += entry.path.bytes.count
    switch entry.kind {
    case .symbolicLink(let target): nameBytes += target.bytes.count
    case .directory:
      nameBytes += entry.extendedAttributes.reduce(0) { $0 + $1.key.bytes.count + $1.value.count }
    default: break
    }
    guard nameBytes <= limits.names else {
      throw .tooLarge(
        reason:
          "the names of the image's files have more than \(limits.names) bytes: raise the limit if you trust it"
      )
    }
  }

  private func apply(_ entry: TarEntry, _ index: Int32, of layer: Int32) throws {
    guard !entry.path.hasParentComponent else {
      throw ArchiveError.refused(entry: entry.path.description, reason: "its path has a component \"..\"")
    }
    guard let (parentPath, name) = entry.path.splitNormalized() else { return try applyRoot(entry) }
    if let whiteout = try Whiteout(parentPath, name, entry) {
      if case .bookkeeping = whiteout { return skip(entry, "bookkeeping of AUFS was left out") }
      return try apply(whiteout, in: parentPath, of: entry, layer)
    }
    if entry.kind == .socket { return skip(entry, "sockets are left out") }
    guard
      let parent = try resolver.directory(
        parentPath, for: entry.path, making: { try self.makeImplicitDirectory($0, in: $1) })?.directory
    else { return }
    switch entry.kind {
    case .directory: try placeDirectory(entry, name, in: parent)
    case .hardLink(let target): try placeHardLink(entry, to: target, name, in: parent)
    default: placeFile(entry, index, of: layer, name, in: parent)
    }
    parent[name]?.layer = layer
  }

  private func applyRoot(_ entry: TarEntry) throws(ArchiveError) {
    guard entry.kind == .directory else {
      throw .refused(entry: entry.path.description, reason: "it would replace the root directory")
    }
    root.entry = described(entry)
  }

  private func apply(_ whiteout: Whiteout, in parent: RawPath, of entry: TarEntry, _ layer: Int32) throws {
    // Of the first layer they hide nothing, and what is not there needs no directories for its being hidden.
    guard layer > 0, let directory = try resolver.directory(parent, for: entry.path)?.directory else {
      return
    }
    switch whiteout {
    case .bookkeeping: return
    case .name(let name): directory.remove(name, exceptOf: layer)
    case .opaque: directory.removeAll(exceptOf: layer)
    }
    resolver.forget()
  }

  private func placeFile(
    _ entry: TarEntry, _ index: Int32, of layer: Int32, _ name: RawPath, in parent: SquashDirectory
  ) {
    var linkTarget: RawPath?
    if case .symbolicLink(let target) = entry.kind { linkTarget = target }
    for attribute in entry.extendedAttributes.keys { noteLeftOut(attribute, of: entry) }
    makeRoom(for: name, in: parent)
    parent[name] = SquashDirectory.Place(
      node: .other(SquashFile(.layer(layer, entry: index), linkTarget: linkTarget)), layer: layer)
  }

  private func placeDirectory(_ entry: TarEntry, _ name: RawPath, in parent: SquashDirectory) throws {
    if let existing = parent.directory(name) {
      existing.entry = described(entry)
    } else {
      try make(described(entry), name, in: parent, of: entry.path)
    }
  }

  /// One that entries are in and none describes.
  func makeImplicitDirectory(_ name: RawPath, in parent: PathResolver<SquashDirectory>.Location) throws {
    try budget.takeEntry()
    nameBytes += name.bytes.count
    try make(Self.implicitDirectory, name, in: parent.directory, of: parent.path.appending(name))
  }

  private func make(
    _ entry: TarEntry, _ name: RawPath, in parent: SquashDirectory, of path: RawPath
  ) throws(ArchiveError) {
    // No path of the kernel's has more.
    guard parent.depth < 2048 else {
      throw .refused(entry: path.description, reason: "it is in more than 2048 directories")
    }
    makeRoom(for: name, in: parent)
    parent[name] = SquashDirectory.Place(
      node: .directory(SquashDirectory(entry, depth: parent.depth + 1)), layer: nil)
  }

  private func placeHardLink(
    _ entry: TarEntry, to target: RawPath, _ name: RawPath, in parent: SquashDirectory
  ) throws {
    let refuse = { (reason: String) in
      ArchiveError.refused(entry: entry.path.description, reason: "it is a hard link to \(target), \(reason)")
    }
    guard !target.hasParentComponent, let (targetParent, targetName) = target.splitNormalized() else {
      throw refuse("which is no path of a file of the image")
    }
    guard let place = try resolver.directory(targetParent, for: entry.path)?.directory,
      let node = place[targetName]?.node
    else {
      guard skipped.contains(targetParent.appending(targetName)) else {
        throw refuse("which is not in the image")
      }
      makeRoom(for: name, in: parent)
      return skip(entry, "what it is a hard link to was left out")
    }
    guard case .other = node else { throw refuse("which is a directory") }
    if place === parent, targetName == name { return }
    makeRoom(for: name, in: parent)
    guard try resolver.directory(targetParent, for: entry.path)?.directory[targetName] != nil else {
      throw refuse("which it would replace")
    }
    parent[name] = SquashDirectory.Place(node: node, layer: nil)
  }

  /// Removes what has the name.
  private func makeRoom(for name: RawPath, in directory: SquashDirectory) {
    guard directory.contains(name) else { return }
    if directory.directory(name) != nil || directory.linkTarget(name) != nil { resolver.forget() }
    directory[name] = nil
  }

  private func skip(_ entry: TarEntry, _ reason: String) {
    report.note(entry.path, reason)
    if let (parent, name) = entry.path.splitNormalized() { skipped.insert(parent.appending(name)) }
  }

  /// A directory's entry as it is written: its path is where it is in the tree.
  private func described(_ entry: TarEntry) -> TarEntry {
    var described = entry
    described.path = ""
    for name in entry.extendedAttributes.keys where noteLeftOut(name, of: entry) {
      described.extendedAttributes[name] = nil
    }
    return described
  }

  /// - Returns: whether the attribute is left out.
  @discardableResult
  private func noteLeftOut(_ attribute: RawPath, of entry: TarEntry) -> Bool {
    guard let reason = TarEntry.reasonToLeaveOut(attribute: attribute) else { return false }
    report.note(entry.path, "the attribute \(attribute) was left out: \(reason)")
    return true
  }
}
