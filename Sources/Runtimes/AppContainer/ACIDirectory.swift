import AppContainer
import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// App Container Images and the directories that they are made of: the file `manifest` and the directory `rootfs`.
public enum ACIDirectory {
  private static let largestManifest = 16 << 20

  /// Makes an image, as `actool build` does. The same files give the same bytes.
  /// - Parameter check: throws when the user stops it.
  /// - Returns: its ID.
  /// - Throws: `TransferError`; nothing is left of the file then.
  public static func build(
    _ directory: String, to file: String, compression: Compression, check: @escaping () throws -> Void
  ) throws -> ACIImageID {
    try TemporaryPath.requireFree(file, isDirectory: false)
    let path = "\(directory)/manifest"
    let bytes = try LocalFile.existing(path, atMost: largestManifest)
    let root = "\(directory)/rootfs"
    var status = stat()
    guard lstat(root, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw TransferError.notFound("there is no directory \(root)")
    }
    return try translating(directory) {
      let manifest = try AppContainerManifest(parsing: bytes)
      var imageID: ACIImageID?
      try LocalFile.make(file) { sink in
        let checked = ByteSink { bytes in
          try check()
          try sink.write(bytes)
        }
        let writer = try ACIWriter(manifest, compression: compression, to: checked)
        try FlattenedTar.write(root, prefix: ACIWriter.rootFSPrefix, to: writer.rootFS)
        imageID = try writer.finish().imageID
      }
      guard let imageID else { throw TransferError.failed("\(file) was not written") }
      return imageID
    }
  }

  /// What an image is; all of it is read.
  /// - Throws: `TransferError`
  public static func summary(of file: String, limits: UnpackLimits) throws -> ACIReader.Summary {
    try translating(file) { try ACIReader.summary(of: try ACIFile(file).open(), limits: .init(limits)) }
  }

  /// Unpacks an image: its manifest and its root file system, or the latter alone.
  /// - Parameter directory: must not be there, or be empty.
  /// - Returns: what was left out, in sentences.
  /// - Throws: `TransferError`; nothing is left then.
  public static func extract(
    _ file: String, to directory: String, onlyRootFS: Bool, limits: UnpackLimits,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> [String] {
    try TemporaryPath.requireFree(directory, isDirectory: true)
    return try translating(file) {
      let image = ACIFile(file)
      @Sendable func open() throws -> any BlobReader {
        StoppableReader(try image.open(), isCancelled: isCancelled)
      }
      // Only what is valid to its end is unpacked.
      _ = try ACILayer(limits: .init(limits), open: open)
      return try TemporaryPath(for: directory).make { path in
        let whole = onlyRootFS ? path + ".whole" : path
        TemporaryPath.remove(whole)
        defer { if onlyRootFS { TemporaryPath.remove(whole) } }
        var options = UnpackOptions()
        options.limits = limits
        let unpacker = try LayerUnpacker(root: whole, options: options)
        try unpacker.apply(try open(), diffID: nil)
        let notes = try unpacker.finish().sentences
        if onlyRootFS, rename("\(whole)/rootfs", path) != 0 {
          throw LocalFile.failure("create \(directory)")
        }
        return notes
      }
    }
  }

  private static func translating<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try TransferError.translating(what, body)
    } catch let error as ArchiveError {
      throw error.transferError
    }
  }
}
