import ImageTransfer

/// Makes of an image what a runtime takes, at a place of the user's machine. Blocks its thread.
public protocol ImageExport: Sendable {
  /// Before anything is fetched: whether the place can take it.
  /// - Throws: `TransferError`
  func check() throws

  /// Makes it, under another name, and gives it its own name at the end.
  /// - Returns: what the user should know of the result, in sentences.
  /// - Throws: `TransferError`; then nothing is left at the place.
  func export(_ image: StagedImage) throws -> [String]
}
