import ContainerImage

extension Descriptor {
  /// The whole of a small blob, verified.
  /// - Parameter limit: bytes.
  /// - Returns: nil if there are more.
  /// - Throws: `TransferError`
  public func contents(from source: some ImageSource, atMost limit: Int) throws -> [UInt8]? {
    guard size <= limit else { return nil }
    var bytes: [UInt8] = []
    let reader = VerifyingReader(try source.blob(self, from: 0), expecting: self)
    try reader.forEachPiece { bytes += $0 }
    return bytes
  }
}
