import Archive
import ContainerImage
import ImageTransfer

/// What one App Container Image brings to a root file system, as a layer of an OCI image. It is read twice, so that nothing is
/// written of one that turns out to be invalid at its end.
public final class ACILayer: Sendable {
  /// The layer that was written.
  public struct Written: Sendable, Hashable {
    /// Of the compressed layer.
    public let descriptor: Descriptor
    /// Of the uncompressed one.
    public let diffID: Digest
  }

  public let summary: ACIReader.Summary
  let survey: ACISurvey
  private let selection: ACISelection
  private let limits: ACIReader.Limits
  private let open: @Sendable () throws -> any BlobReader

  private static let type = MediaType("application/vnd.oci.image.layer.v1.tar+gzip")

  /// Reads the image for the first time.
  /// - Parameters:
  ///   - dependents: the whitelists of the images that need this one, and of those that need them (appc 0.8.11, ace.md,
  ///     "Filesystem Setup"): what any of them leaves out is left out here.
  ///   - open: gives the image from its start; is called twice.
  /// - Throws: `AppContainerError` (`notConvertible` for names that have a meaning in layers), `ArchiveError`, and what
  ///   opening and reading throws.
  public init(
    limits: ACIReader.Limits = ACIReader.Limits(), dependents: [[String]] = [],
    open: @escaping @Sendable () throws -> any BlobReader
  ) throws {
    self.limits = limits
    self.open = open
    let reader = try ACIReader(open(), limits: limits)
    var survey = ACISurvey()
    while let entry = try reader.next() { try survey.add(entry) }
    summary = try reader.finish()
    self.survey = survey
    selection = ACISelection(survey, whitelist: summary.manifest.pathWhitelist, dependents: dependents)
  }

  /// Reads the image for the second time and writes the layer, compressed with gzip. The same image gives the same bytes.
  /// - Throws: as `init`, and what the sink throws.
  public func write(to sink: ByteSink) throws -> Written {
    var compressed = ContentHasher(.sha256)
    var uncompressed = ContentHasher(.sha256)
    var size: Int64 = 0
    let compressor = try CompressingWriter(
      .gzip,
      to: ByteSink { bytes in
        compressed.update(bytes)
        size += Int64(bytes.count)
        try sink.write(bytes)
      })
    let writer = try TarWriter(
      to: ByteSink { bytes in
        uncompressed.update(bytes)
        try compressor.write(bytes)
      })
    let reader = try ACIReader(open(), limits: limits)
    while let entry = try reader.next() {
      if let entry = selection.layerEntry(entry) { try writer.add(entry, dataFrom: reader.entryData) }
    }
    guard try reader.finish() == summary else {
      throw AppContainerError.notAnImage(reason: "it was changed while it was read")
    }
    try writer.finish()
    try compressor.finish()
    return Written(
      descriptor: Descriptor(mediaType: Self.type, digest: compressed.digest(), size: size),
      diffID: uncompressed.digest())
  }
}
