/// Decides which images may be copied.
public protocol ImageJudge: Sendable {
  /// - Parameter image: its manifest, or that of an index.
  /// - Returns: why it is not trusted, in words for the user; nil if it is.
  /// - Throws: `TransferError` if that cannot be found out.
  func refusal(of image: ManifestDocument) throws -> String?
}
