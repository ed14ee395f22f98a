import ContainerImage
import ImageTransfer

/// An inventory as a text: `kontor-inventory 1`, then a line for each repository and digest,
///
///     registry.example/team/app sha256:e3b0c4…
///
/// Empty lines, and those that begin with `#`, say nothing.
extension BlobInventory {
  static let firstLine = "kontor-inventory 1"

  /// Bytes: some millions of lines.
  static let largestFile = 512 << 20

  /// The same for equal values.
  public var text: String {
    var text = Self.firstLine + "\n"
    for (repository, digest) in lines { text += "\(repository) \(digest)\n" }
    return text
  }

  /// - Parameter name: what messages call it.
  /// - Throws: `TransferError.failed` with the number of the line that is wrong.
  public init(parsing bytes: [UInt8], name: String) throws(TransferError) {
    self.init()
    var number = 0
    // The same few names come again and again.
    var known: [Substring: QualifiedRepository] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      var line = String(decoding: line, as: UTF8.self)[...]
      if line.utf8.last == UInt8(ascii: "\r") { line = line.dropLast() }
      if number == 1 {
        try Self.check(firstLine: line, name)
        continue
      }
      if line.isEmpty || line.utf8.first == UInt8(ascii: "#") { continue }
      do {
        let (repository, digest) = try Self.parse(line, &known)
        add(digest, in: repository)
      } catch {
        throw .failed("\(name):\(number): \(error)")
      }
    }
  }

  private static func check(firstLine line: Substring, _ name: String) throws(TransferError) {
    if line == firstLine { return }
    throw .failed(
      line.hasPrefix("kontor-inventory ")
        ? "\(name):1: the inventory is of a version that is not understood: expected \(firstLine.quotedForMessage)"
        : "\(name):1: this is no inventory: expected \(firstLine.quotedForMessage)")
  }

  private static func parse(
    _ line: Substring, _ known: inout [Substring: QualifiedRepository]
  ) throws(InvalidValue) -> (QualifiedRepository, Digest) {
    let parts = line.split(separator: " ")
    guard parts.count == 2 else {
      throw .malformed(
        "\(line.quotedForMessage) is no line of an inventory: expected REGISTRY/REPOSITORY DIGEST")
    }
    let digest = try Digest(parsing: parts[1])
    if let repository = known[parts[0]] { return (repository, digest) }
    let repository = try QualifiedRepository(parsing: parts[0])
    known[parts[0]] = repository
    return (repository, digest)
  }

  /// What a file says: an inventory, or an archive of earlier.
  /// - Throws: `TransferError`
  public init(file path: String) throws {
    // What comes through a pipe cannot be an archive, which is read here and there.
    if try !LocalFile.isRegular(path) || Self.isInventory(path) {
      try self.init(parsing: LocalFile.existing(path, atMost: Self.largestFile), name: path)
      return
    }
    do {
      self = try TransferArchive(file: path).inventory()
    } catch TransferError.notAnImage(let reason) {
      throw TransferError.notAnImage("\(path) is neither an inventory nor an archive: \(reason)")
    }
  }

  private static func isInventory(_ path: String) throws -> Bool {
    guard let reader = try FileReader(path) else { throw TransferError.notFound("there is no file \(path)") }
    let start = Array("kontor-inventory".utf8)
    var found: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: start.count, alignment: 1)
    defer { buffer.deallocate() }
    while found.count < start.count {
      let count = try reader.read(into: buffer)
      if count == 0 { break }
      found += UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
    return found.starts(with: start)
  }

  /// Whether it may be written there, before the work that it is about.
  /// - Parameter archive: that is made meanwhile.
  /// - Throws: `TransferError.exists` for a file that is no inventory, and for the archive's own
  public static func check(_ path: String, beside archive: String) throws {
    if try LocalFile.size(path) == nil {
      try TemporaryPath.requireParent(of: path)
    } else if try !isInventory(path) {
      throw TransferError.exists("\(path) is there already, and is no inventory: name another file")
    }
    guard try LocalFile.absolute(path) != LocalFile.absolute(archive) else {
      throw TransferError.exists("\(path) is to be the archive: name another file for the inventory")
    }
  }

  /// Writes it, in the place of what is there.
  /// - Throws: `TransferError`
  public func write(to path: String) throws(TransferError) {
    try LocalFile.replace(path, with: Array(text.utf8))
  }
}
