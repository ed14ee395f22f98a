import ContainerImage

/// What an entry's path says beyond where it goes (image-spec, layer.md, section "Whiteouts").
enum Whiteout {
  /// Hides `name` of the layers below.
  case name(RawPath)
  /// Hides all that the layers below have in the directory.
  case opaque
  /// Bookkeeping of AUFS that old Docker versions left in layers.
  case bookkeeping

  private static let prefix: StaticString = ".wh."

  /// - Throws: `ArchiveError.refused`
  init?(_ parent: RawPath, _ name: RawPath, _ entry: TarEntry) throws(ArchiveError) {
    let components = parent.components
    if let first = components.first ?? Optional(name), Self.bookkeepingNames.contains(first) {
      self = .bookkeeping
      return
    }
    if components.contains(where: { $0.hasPrefix(Self.prefix) }) {
      throw .refused(entry: entry.path.description, reason: "it is in the directory of a whiteout's name")
    }
    guard name.hasPrefix(Self.prefix) else { return nil }
    let hidden = name.dropFirst(Self.prefix.utf8CodeUnitCount)
    if hidden == ".wh..opq", entry.kind != .directory {
      self = .opaque
    } else if entry.kind == .directory || hidden.isEmpty || hidden == "." || hidden == ".."
      || hidden.hasPrefix(Self.prefix)
    {
      throw .refused(
        entry: entry.path.description, reason: "its name is no whiteout's that layers may have")
    } else {
      self = .name(hidden)
    }
  }

  private static let bookkeepingNames: Set<RawPath> = [".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"]
}
