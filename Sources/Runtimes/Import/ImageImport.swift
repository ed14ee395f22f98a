import Archive

/// A form that an image is made of: what it takes and verifies becomes an OCI image layout.
public protocol ImageImport: Sendable {
  /// What the user calls it, for messages: `oci-archive:FILE`.
  var description: String { get }

  /// Fills a layout whose directory is not there yet.
  /// - Parameters:
  ///   - limits: of what the archive, and the layers in it, may have uncompressed.
  ///   - check: is called between pieces of the work, and throws when the user stops it.
  /// - Returns: the name of the image in the layout; nil for the only one.
  /// - Throws: `ArchiveError`, `TransferError`
  func fill(_ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void) throws -> String?
}
