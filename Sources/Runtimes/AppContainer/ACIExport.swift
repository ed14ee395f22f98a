import AppContainer
import Archive
import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// `aci:FILE`: the image as an App Container Image, as docker2aci makes it; the same bytes for the same image and name.
public struct ACIExport: ImageExport {
  private let file: String
  private let origin: ImageOrigin

  /// - Parameter origin: what the image is named, and where it comes from.
  public init(file: String, origin: ImageOrigin) {
    self.file = file
    self.origin = origin
  }

  public func check() throws { try TemporaryPath.requireFree(file, isDirectory: false) }

  public func export(_ image: StagedImage) throws -> [String] {
    var origin = origin
    origin.imageID = image.manifest.config?.digest
    origin.manifest = image.document.digest
    var limits = LayerSquash.Limits()
    limits.bytes = image.limits.bytes
    limits.entries = image.limits.entries
    let layers = zip(image.manifest.layers, image.config.rootfs.diffIDs).map { layer, diffID in
      LayerSquash.Layer(diffID: diffID) { try image.layer(layer) }
    }
    return try TransferError.translating(file) {
      let conversion = try ImageToACI(image.config, origin: origin, layers: layers, limits: limits)
      try LocalFile.make(file) { try conversion.write(to: image.stoppable($0)) }
      return conversion.report.sentences
    }
  }
}

extension LocalFile {
  /// Makes a new file of what `body` writes; nothing is left of it when that throws.
  static func make(_ path: String, _ body: (ByteSink) throws -> Void) throws {
    try TemporaryPath(for: path).make { temporary in
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw failure("write \(path)") }
      defer { close(descriptor) }
      try body(ByteSink(descriptor: descriptor))
    }
  }
}

extension UnpackReport {
  /// What was left out, in sentences.
  var sentences: [String] {
    var sentences = notes.prefix(20).map(\.description)
    let further = notes.count - sentences.count + furtherNotes
    if further > 0 { sentences.append("and \(further) more such entries") }
    return sentences
  }
}
