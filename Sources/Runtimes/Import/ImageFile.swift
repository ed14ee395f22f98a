import Archive
import ContainerImage
import ImageTransfer

/// A tar archive, compressed or not, that an image is made of.
struct ImageFile {
  let path: String

  /// Reads the archive from its beginning, entry by entry.
  /// - Parameter limits: of what the archive may have.
  /// - Throws: `TransferError.notFound`, `ArchiveError`
  func forEachEntry(
    limits: UnpackLimits, _ body: (TarEntry, _ name: String, TarReader) throws -> Void
  ) throws {
    let reader = try TarReader(try open(), within: UnpackBudget(limits))
    while let entry = try reader.next() {
      // What is no name in an image archive cannot be one that is looked for.
      guard let name = Self.name(entry.path) else { continue }
      try body(entry, name, reader)
    }
  }

  /// - Throws: `TransferError.notFound`
  func open() throws(TransferError) -> FileReader {
    guard let reader = try FileReader(path) else { throw .notFound("there is no file \(path)") }
    return reader
  }

  /// A path within the archive in its one form; nil for one that leads out of it.
  static func name(_ path: RawPath) -> String? {
    guard !path.isAbsolute else { return nil }
    return name(path.components)
  }

  /// What a symbolic link at `name` means; nil for a place outside the archive.
  static func name(linkedFrom name: String, to target: RawPath) -> String? {
    guard !target.isAbsolute else { return nil }
    let directory = name.split(separator: "/").dropLast().map { RawPath(String($0)) }
    return self.name(directory + target.components)
  }

  private static func name(_ components: [RawPath]) -> String? {
    var result: [String] = []
    for component in components {
      if component == ".." {
        guard result.popLast() != nil else { return nil }
      } else {
        result.append(component.description)
      }
    }
    return result.isEmpty ? nil : result.joined(separator: "/")
  }
}
