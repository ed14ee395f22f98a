/// The parameters of a query, in their order.
public struct QueryItems: Sendable {
  private let items: [(name: String, value: String)]

  /// A `+` stands for itself, as in RFC 3986: media types have it.
  /// - Parameter raw: what follows the `?`, still encoded.
  /// - Returns: nil if it is not validly encoded.
  public init?(_ raw: String) {
    var items: [(String, String)] = []
    for item in raw.split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = percentDecoded(parts[0]), let value = percentDecoded(parts.count > 1 ? parts[1] : "")
      else { return nil }
      items.append((name, value))
    }
    self.items = items
  }

  /// The first value of that name.
  public subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  /// All values of that name.
  public func all(_ name: String) -> [String] { items.compactMap { $0.name == name ? $0.value : nil } }
}

/// Text with its percent-encoded bytes decoded (RFC 3986, section 2.1).
/// - Returns: nil if an encoding is broken, or the result is not valid UTF-8 or has a NUL.
public func percentDecoded(_ text: some StringProtocol) -> String? {
  guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count)
  var iterator = text.utf8.makeIterator()
  while let byte = iterator.next() {
    guard byte == UInt8(ascii: "%") else {
      bytes.append(byte)
      continue
    }
    guard let high = iterator.next().flatMap(hexValue), let low = iterator.next().flatMap(hexValue),
      high != 0 || low != 0
    else { return nil }
    bytes.append(high << 4 | low)
  }
  return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
