/// A number of bytes as people write it: `512KiB`, `4MiB`, `100GiB`; also `4MB` for millions, or a plain number.
public struct ByteSize: Sendable, Hashable, CustomStringConvertible {
  public var bytes: Int64

  public init(_ bytes: Int64) { self.bytes = bytes }

  private static let units: [(name: String, factor: Int64)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("B", 1),
  ]

  /// - Returns: nil for what is no size, and what has more than 2^63 - 1 bytes.
  public init?(parsing text: String) {
    let unit = Self.units.first { text.hasSuffix($0.name) }
    guard let number = Int64(text.dropLast(unit?.name.count ?? 0)) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit?.factor ?? 1)
    guard !overflow else { return nil }
    bytes = product
  }

  /// In the largest unit that gives a whole number.
  public var description: String {
    guard bytes != 0, let unit = Self.units.first(where: { bytes % $0.factor == 0 }) else { return "0B" }
    return "\(bytes / unit.factor)\(unit.name)"
  }
}
