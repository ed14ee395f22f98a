/// What a `Range` header asks for (RFC 9110, section 14.1.2).
enum ByteRange: Equatable {
  /// Everything: there is no single range of bytes in it. Several ranges in one request are not served apart,
  /// which the RFC leaves to the server.
  case whole
  case part(Range<Int64>)
  /// Nothing of it is there.
  case unsatisfiable

  /// - Parameter length: of the content in bytes.
  init(_ header: String?, length: Int64) {
    guard let header, header.lowercased().hasPrefix("bytes=") else {
      self = .whole
      return
    }
    let bounds = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard bounds.count == 2, let first = Self.number(bounds[0]), let last = Self.number(bounds[1]) else {
      self = .whole
      return
    }
    switch (first, last) {
    case (nil, nil):
      self = .whole
    case (nil, let suffix?):
      self = suffix == 0 || length == 0 ? .unsatisfiable : .part(max(0, length - suffix)..<length)
    case (let first?, let last):
      let last = last ?? .max
      // A range that ends before it starts is invalid: section 14.2 allows to refuse it, which tells a client of
      // its mistake, where the whole content would not.
      self = first >= length || last < first ? .unsatisfiable : .part(first..<(min(last, length - 1) + 1))
    }
  }

  /// - Returns: nil for what is no number; an inner nil for nothing at all. A number too large for the type is
  ///   the largest: no content is that long.
  private static func number(_ text: Substring) -> Int64?? {
    let text = text.filter { $0 != " " && $0 != "\t" }
    if text.isEmpty { return .some(nil) }
    guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
    return .some(Int64(text) ?? .max)
  }
}
