import AppContainer
import Archive
import ContainerImage
import ImageTransfer

/// `aci:FILE`: an App Container Image, of which an OCI image is made; the file itself comes along, byte for byte and with its
/// signature, as an artifact that refers to that (`ACIArtifact`). An image that needs others is such an artifact only.
public struct ACIImport: ImageImport {
  private let file: String
  private let signatureFile: String?

  private static let largestSignature = 64 << 10

  /// - Parameter signatureFile: with a detached signature over the file; nil for none.
  public init(file: String, signatureFile: String?) {
    self.file = file
    self.signatureFile = signatureFile
  }

  public var description: String { "aci:\(file)" }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    let signature = try signatureFile.map { try LocalFile.existing($0, atMost: Self.largestSignature) }
    return try ACIFile(file).fill(
      layout, signature: signature, limits: ACIReader.Limits(limits), check: check)
  }
}

extension ACIReader.Limits {
  init(_ limits: UnpackLimits) {
    self.init()
    bytes = limits.bytes
    entries = limits.entries
  }
}

/// An App Container Image in a file, on its way into a layout.
struct ACIFile {
  let path: String

  /// The image's name in the layout, where its artifact is too.
  static let layoutName = "image"

  init(_ path: String) { self.path = path }

  func open() throws -> any BlobReader { try ImageArchive.open(path) }

  /// - Returns: the name of the image in the layout.
  /// - Throws: `TransferError`, `ArchiveError`
  func fill(
    _ layout: OCILayout, signature: [UInt8]?, limits: ACIReader.Limits, check: () throws -> Void
  ) throws -> String {
    try TransferError.translating(path) {
      try layout.create()
      var subject: Descriptor?
      let layer = try ACILayer(limits: limits, open: open)
      if layer.summary.manifest.dependencies.isEmpty {
        subject = try Self.write(try ACIToImage(layer, dependencies: []), [layer], to: layout, check)
      }
      let writer = try LayoutBlobWriter(layout)
      try writer.write(try open(), check: check)
      let image = try writer.finish(MediaType(""))
      _ = try layout.write(layer.summary.manifestBytes, as: MediaType(""))
      let artifact = try ACIArtifact(
        layer.summary, image: image,
        signature: try signature.map { try layout.write($0, as: MediaType("")) }, subject: subject)
      let descriptor = try layout.write(try artifact.encoded, as: .ociImageManifest)
      try layout.add(subject ?? descriptor, name: Self.layoutName)
      if subject != nil { try layout.add(descriptor, name: nil) }
    }
    return Self.layoutName
  }

  /// Writes an OCI image.
  /// - Parameter layers: of the dependencies, and of the image itself.
  static func write(
    _ conversion: ACIToImage, _ layers: [ACILayer], to layout: OCILayout, _ check: () throws -> Void
  ) throws -> Descriptor {
    let written = try layers.map { layer in
      let writer = try LayoutBlobWriter(layout)
      let written = try withoutActuallyEscaping(check) { check in
        try layer.write(
          to: ByteSink { bytes in
            try check()
            try writer.write(bytes)
          })
      }
      _ = try writer.finish(written.descriptor.mediaType, expecting: written.descriptor.digest)
      return written
    }
    let image = try conversion.image(of: written)
    _ = try layout.write(image.config, as: .ociImageConfig)
    return try layout.write(image.manifest, as: .ociImageManifest)
  }
}

extension TransferError {
  /// Runs `body` and puts errors about App Container Images in words for the user.
  static func translating<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as AppContainerError {
      throw TransferError.notAnImage("\(what): \(error)")
    }
  }
}
