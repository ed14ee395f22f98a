/// What AC identifiers and AC names have in common: lower-case letters, digits and separators, which no end may be.
enum ACText {
  static func isValid(_ text: String, separators: Set<Unicode.Scalar>) -> Bool {
    let scalars = text.unicodeScalars
    guard let first = scalars.first, let last = scalars.last else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && scalars.allSatisfy { isAlphanumeric($0) || separators.contains($0) }
  }

  static func sanitized(
    _ text: String, separators: Set<Unicode.Scalar>, replacement: Unicode.Scalar
  ) -> String? {
    let replaced = text.lowercased().unicodeScalars.map { scalar in
      isAlphanumeric(scalar) || separators.contains(scalar) ? scalar : replacement
    }
    guard let first = replaced.firstIndex(where: isAlphanumeric),
      let last = replaced.lastIndex(where: isAlphanumeric)
    else { return nil }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: replaced[first...last])
    return String(result)
  }

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
  }
}
