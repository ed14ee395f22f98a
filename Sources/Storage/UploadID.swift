/// The name of an upload session: 32 lower-case hexadecimal characters in the form of a UUID, random, so that
/// nobody guesses another's.
public struct UploadID: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// A new one.
  public init() {
    var random = SystemRandomNumberGenerator()
    var digits = [UInt8]()
    for _ in 0..<2 {
      let word = random.next()
      for shift in stride(from: 60, through: 0, by: -4) { digits.append(UInt8((word >> UInt64(shift)) & 15)) }
    }
    digits[12] = 4
    digits[16] = 8 | (digits[16] & 3)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text += "-" }
      text += String(digit, radix: 16)
    }
    description = text
  }

  /// - Returns: nil if the text is no upload session's name.
  public init?(_ text: some StringProtocol) {
    let utf8 = Array(text.utf8)
    guard utf8.count == 36 else { return nil }
    for (index, byte) in utf8.enumerated() {
      let isDash = [8, 13, 18, 23].contains(index)
      let isHexadecimal =
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
      guard isDash ? byte == UInt8(ascii: "-") : isHexadecimal else { return nil }
    }
    description = String(text)
  }
}
