import Archive
import ContainerImage
import ImageTransfer

/// A tar archive, compressed or not, that an image is made of.
struct ImageArchive: Sendable {
  /// Gives the archive's bytes to `body`, from the beginning.
  typealias Reading = @Sendable (_ body: (any BlobReader) throws -> Void) throws -> Void

  /// What messages call it.
  let name: String
  /// Whether it can be read once only.
  let isStream: Bool
  private let reading: Reading

  init(file: String) {
    name = file
    isStream = false
    reading = { try $0(try Self.open(file)) }
  }

  /// What a program writes.
  init(stream name: String, _ reading: @escaping Reading) {
    self.name = name
    isStream = true
    self.reading = reading
  }

  /// Reads the archive from its beginning, entry by entry.
  /// - Parameter limits: of what the archive may have.
  /// - Throws: `TransferError.notFound`, `ArchiveError`
  func forEachEntry(
    limits: UnpackLimits, _ body: (TarEntry, _ name: String, TarReader) throws -> Void
  ) throws {
    try reading { blob in
      let reader = try TarReader(blob, within: UnpackBudget(limits))
      while let entry = try reader.next() {
        // What is no name in an image archive cannot be one that is looked for.
        guard let name = Self.name(entry.path) else { continue }
        try body(entry, name, reader)
      }
    }
  }

  /// - Throws: `TransferError.notFound`
  static func open(_ file: String) throws(TransferError) -> FileReader {
    guard let reader = try FileReader(file) else { throw .notFound("there is no file \(file)") }
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
