import Archive
import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// Writes a transfer archive: the same bytes for the same images and inventories.
///
/// The manifests say how large everything is, so the place of each blob in the archive is known before any has come, and several
/// come at the same time, each straight to its place. The index is the last entry: an archive that is cut off is none. The file
/// gets its name when all of it is on the disk.
public struct TransferArchiveWriter: Sendable {
  private let contents: TransferArchiveContents
  private let path: String

  /// Of tar.
  private static let blockSize: Int64 = 512

  /// - Throws: `TransferError.exists` if there is something at the path.
  public init(_ contents: TransferArchiveContents, to path: String) throws(TransferError) {
    try TemporaryPath.requireFree(path, isDirectory: false)
    self.contents = contents
    self.path = path
  }

  /// Blocks until the archive is there. Nothing is left of it when this throws.
  /// - Parameter jobs: blobs that are fetched at the same time; at least 1.
  /// - Throws: `TransferError`
  public func write(
    jobs: Int, progress: any CopyProgress = SilentProgress(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws {
    let (pieces, size) = try layOut()
    try TemporaryPath(for: path).make { temporary in
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw LocalFile.failure("write \(path)") }
      defer { close(descriptor) }
      try requireSpace(size, for: descriptor)
      guard ftruncate(descriptor, off_t(size)) == 0 else { throw LocalFile.failure("write \(path)") }
      var blobs: [Piece] = []
      for piece in pieces {
        try LocalFile.write(piece.header, to: descriptor, at: piece.offset)
        switch piece.data {
        case .bytes(let bytes): try LocalFile.write(bytes, to: descriptor, at: piece.dataOffset)
        case .blob: blobs.append(piece)
        }
      }
      try fetch(blobs, into: descriptor, jobs, progress, isCancelled)
      if isCancelled() { throw TransferError.cancelled }
      guard fsync(descriptor) == 0 else { throw LocalFile.failure("write \(path)") }
    }
    try LocalFile.syncDirectory(of: path)
  }

  private func fetch(
    _ blobs: [Piece], into descriptor: CInt, _ jobs: Int, _ progress: any CopyProgress,
    _ isCancelled: @escaping @Sendable () -> Bool
  ) throws {
    progress.begin(contents.blobs.map(\.descriptor))
    defer { progress.end() }
    try ConcurrentWork.forEach(blobs, jobs: jobs) { piece in
      guard case .blob(let blob, let source) = piece.data else { return }
      let content = BlobContent(blob, of: source) { progress.moved(blob, to: $0) }
      let reader = StoppableReader(try content.reader(), isCancelled: isCancelled)
      var position = piece.dataOffset
      try VerifyingReader(reader, expecting: blob).forEachPiece { bytes in
        try LocalFile.write(bytes, to: descriptor, at: position)
        position += Int64(bytes.count)
      }
      progress.isDone(blob)
    }
  }

  /// Better said before hours of transfer than after.
  private func requireSpace(_ size: Int64, for descriptor: CInt) throws(TransferError) {
    var status = statvfs()
    guard fstatvfs(descriptor, &status) == 0 else { return }
    let (free, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    guard !overflow, free < UInt64(size) else { return }
    throw .failed(
      "cannot write \(path): it needs \(size) bytes, and no space is left for more than \(free): free some and try again"
    )
  }

  // MARK: Where everything goes

  /// An entry of the archive with its place.
  private struct Piece: Sendable {
    enum Data: Sendable {
      case bytes([UInt8])
      case blob(Descriptor, any ImageSource)
    }
    let header: [UInt8]
    /// Of the header.
    let offset: Int64
    let data: Data

    var dataOffset: Int64 { offset + Int64(header.count) }
  }

  /// - Returns: the entries, and the archive's size in bytes.
  private func layOut() throws -> (pieces: [Piece], size: Int64) {
    var pieces: [Piece] = []
    var position: Int64 = 0
    func add(_ entry: TarEntry, _ data: Piece.Data) throws {
      let piece = Piece(header: try TarWriter.header(of: entry), offset: position, data: data)
      pieces.append(piece)
      let (end, overflow) = piece.dataOffset.addingReportingOverflow(entry.size + 3 * Self.blockSize - 1)
      guard !overflow else {
        throw TransferError.notAnImage("the images' blobs are too large for an archive")
      }
      // There has to be room for the archive's end, too.
      position = (end - 2 * Self.blockSize) / Self.blockSize * Self.blockSize
    }
    func add(_ path: String, _ bytes: [UInt8]) throws {
      try add(
        TarEntry(path: RawPath(path), kind: .file, mode: 0o644, size: Int64(bytes.count)), .bytes(bytes))
    }
    try add("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
    let algorithms = Set(
      (contents.manifests.map(\.digest) + contents.blobs.map(\.descriptor.digest)).map(\.algorithm))
    for directory in ["blobs"] + algorithms.map({ "blobs/\($0.rawValue)" }).sorted() {
      try add(TarEntry(path: RawPath(directory), kind: .directory, mode: 0o755), .bytes([]))
    }
    for document in contents.manifests { try add(Self.path(of: document.digest), document.bytes) }
    for (blob, source) in contents.blobs {
      try add(
        TarEntry(path: RawPath(Self.path(of: blob.digest)), kind: .file, mode: 0o644, size: blob.size),
        .blob(blob, source))
    }
    if !contents.omitted.isEmpty {
      try add(OmittedBlobsFile.name, try OmittedBlobsFile(contents.omitted).bytes)
    }
    try add("index.json", contents.index)
    // Two empty blocks are a tar archive's end.
    return (pieces, position + 2 * Self.blockSize)
  }

  private static func path(of digest: Digest) -> String {
    "blobs/\(digest.algorithm.rawValue)/\(digest.encoded)"
  }
}
