import ContainerImage

/// The name of a port or a mount point, such as `http` or `volume-data` (appc 0.8.11, types.md, "AC Name Type"). Several
/// hyphens may follow each other, as in the specification's schema.
public struct ACName: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let description: String

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    guard ACText.isValid(text, separators: Self.separators) else {
      throw .malformed(
        "\(text.quotedForMessage) is not an AC name: expected lower-case letters, digits and hyphens, with a letter "
          + "or digit at both ends")
    }
    description = text
  }

  /// Makes a name of a text as appc's tools do: lower case, `-` for each character that is not allowed, and without
  /// hyphens at the ends.
  /// - Returns: nil if nothing is left.
  public init?(sanitizing text: String) {
    guard let text = ACText.sanitized(text, separators: Self.separators, replacement: "-") else { return nil }
    description = text
  }

  public static func < (left: ACName, right: ACName) -> Bool { left.description < right.description }

  private static let separators = Set("-".unicodeScalars)
}
