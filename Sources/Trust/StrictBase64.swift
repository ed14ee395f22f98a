import FoundationEssentials

/// Base64 in the one form that a value has: encoding what was decoded gives the same text again.
package enum StrictBase64 {
  /// With padding, on one line (RFC 4648, section 4).
  package static func decode(_ text: String) -> [UInt8]? {
    guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else { return nil }
    return Array(data)
  }

  /// With the alphabet for URLs and no padding, as JWS has it (RFC 7515, section 2).
  package static func decodeURL(_ text: String) -> [UInt8]? {
    let isAllowed = text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") }
    guard isAllowed, !text.utf8.contains(UInt8(ascii: "=")) else { return nil }
    let standard = String(
      decoding: text.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "-"): UInt8(ascii: "+")
        case UInt8(ascii: "_"): UInt8(ascii: "/")
        default: byte
        }
      }, as: UTF8.self)
    return decode(standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4))
  }

  /// As `decodeURL` reads it.
  package static func encodeURL(_ bytes: [UInt8]) -> String {
    String(
      decoding: Data(bytes).base64EncodedString().utf8.compactMap { byte in
        switch byte {
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        case UInt8(ascii: "="): nil
        default: byte
        }
      }, as: UTF8.self)
  }
}
