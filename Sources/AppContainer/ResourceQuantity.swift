import ContainerImage

/// An amount of a resource as manifests have it: `250m`, `1.5G`, `128Mi` (appc 0.8.11, ace.md, "Resource Isolators").
public struct ResourceQuantity: Sendable, Hashable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  private let nanounits: Int128

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    guard let nanounits = Self.nanounits(text) else {
      throw .malformed(
        "\(text.quotedForMessage) is no quantity: expected a number such as 2, 0.5, 250m, 1G or 128Mi")
    }
    description = text
    self.nanounits = nanounits
  }

  /// In the resource's own units, such as bytes or cores, rounded up: who wants a little of something is to get some.
  /// Quantities beyond the range are its ends.
  public var units: Int64 { Self.roundedUp(nanounits, 1_000_000_000) }

  /// In thousandths of the units, rounded up.
  public var milliunits: Int64 { Self.roundedUp(nanounits, 1_000_000) }

  private static func roundedUp(_ value: Int128, _ divisor: Int128) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return Int64(clamping: remainder > 0 ? quotient + 1 : quotient)
  }

  private static func nanounits(_ text: String) -> Int128? {
    var rest = text[...]
    let isNegative = rest.hasPrefix("-")
    if isNegative || rest.hasPrefix("+") { rest.removeFirst() }
    let whole = rest.prefix(while: isDigit)
    rest = rest.dropFirst(whole.count)
    var fraction = Substring()
    if rest.hasPrefix(".") {
      rest.removeFirst()
      fraction = rest.prefix(while: isDigit)
      rest = rest.dropFirst(fraction.count)
    }
    // More digits than any amount has that fits into the result.
    guard (1...27).contains(whole.count + fraction.count), var value = Int128(whole + fraction) else {
      return nil
    }
    var exponent = 9 - fraction.count
    if let power = binarySuffixes[String(rest)] {
      let (product, overflow) = value.multipliedReportingOverflow(by: Int128(1) << power)
      guard !overflow else { return nil }
      value = product
    } else if let power = decimalPower(rest) {
      exponent += power
    } else {
      return nil
    }
    guard let scaled = scale(value, by: exponent) else { return nil }
    return isNegative ? -scaled : scaled
  }

  /// Times a power of ten, rounded up.
  private static func scale(_ value: Int128, by exponent: Int) -> Int128? {
    var result = value
    for _ in 0..<abs(exponent) {
      if exponent < 0 {
        result = (result + 9) / 10
      } else {
        let (product, overflow) = result.multipliedReportingOverflow(by: 10)
        guard !overflow else { return nil }
        result = product
      }
    }
    return result
  }

  private static let binarySuffixes = ["Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60]
  /// The specification writes `K`, its schema takes `k`.
  private static let decimalSuffixes = [
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
  ]

  private static func decimalPower(_ suffix: Substring) -> Int? {
    if let power = decimalSuffixes[String(suffix)] { return power }
    guard suffix.hasPrefix("e") || suffix.hasPrefix("E"), let power = Int(suffix.dropFirst()),
      (-30...30).contains(power)
    else { return nil }
    return power
  }

  private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }
}
