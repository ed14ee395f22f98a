import Archive
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// `rootfs-tar:FILE`: the image's file system as one tar archive, the same bytes for the same image. The file's name says
/// how it is compressed: `.gz`, `.tgz`, `.zst`, or not at all.
public struct RootFSTarExport: ImageExport {
  private let file: String

  public init(file: String) { self.file = file }

  public func check() throws { try TemporaryPath.requireFree(file, isDirectory: false) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TarFile(path: file).make(of: image) { root, writer in
      try FlattenedTar.write(root, ownership: TarFile.ownership, to: writer)
      return []
    }
  }
}

/// A tar file made of an unpacked image.
struct TarFile {
  let path: String

  /// What the archive says about owners: as the image has it, where this user could keep that.
  static var ownership: UnpackOptions.Ownership {
    geteuid() == 0 ? .asStored : .mapped(userID: 0, groupID: 0)
  }

  var compression: Compression {
    if path.hasSuffix(".gz") || path.hasSuffix(".tgz") { return .gzip }
    return path.hasSuffix(".zst") ? .zstd : .none
  }

  /// Unpacks the image beside the file, and has `body` write it.
  /// - Returns: what the user should know.
  func make(of image: StagedImage, _ body: (_ root: String, TarWriter) throws -> [String]) throws -> [String]
  {
    let tree = TemporaryPath(for: path + ".root").path
    TemporaryPath.remove(tree)
    defer { TemporaryPath.remove(tree) }
    let notes = try ImageUnpacker(image: image).unpack(into: tree)
    return notes + (try write(image) { try body(tree, $0) })
  }

  /// Makes the file of what `body` writes of the image.
  func write<Value>(_ image: StagedImage, _ body: (TarWriter) throws -> Value) throws -> Value {
    try TemporaryPath(for: path).make { temporary in
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw LocalFile.failure("write \(path)") }
      defer { close(descriptor) }
      let writer = try TarWriter(
        to: image.stoppable(ByteSink(descriptor: descriptor)), compression: compression)
      let value = try body(writer)
      try writer.finish()
      return value
    }
  }
}
