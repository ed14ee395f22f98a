/// How a stream is compressed. Found by content; media types and file names are not asked.
public enum Compression: String, Sendable, Hashable, CaseIterable {
  case none, gzip, zstd, xz, bzip2

  /// How many bytes of a stream's beginning are enough to tell.
  static let signatureLength = 6

  /// - Parameter start: the stream's first bytes, 6 if it has as many.
  public init(detecting start: some Sequence<UInt8>) {
    let start = Array(start.prefix(Self.signatureLength))
    if start.starts(with: [0x1f, 0x8b]) {
      self = .gzip
    } else if start.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) || Self.isSkippableZstdFrame(start) {
      self = .zstd
    } else if start.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) {
      self = .xz
    } else if start.starts(with: [0x42, 0x5a, 0x68]), start.count > 3, (0x31...0x39).contains(start[3]) {
      self = .bzip2
    } else {
      self = .none
    }
  }

  /// A frame of other data, which may come before the first one of content (RFC 8878, section 3.1.2).
  private static func isSkippableZstdFrame(_ start: [UInt8]) -> Bool {
    start.count >= 4 && start[0] & 0xf0 == 0x50 && start[1...3].elementsEqual([0x2a, 0x4d, 0x18])
  }
}
