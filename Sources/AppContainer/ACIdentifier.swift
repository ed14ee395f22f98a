import ContainerImage

/// The name of an image, a label, an annotation or an isolator, such as `example.com/~user/app_v1` (appc 0.8.11, types.md,
/// "AC Identifier Type").
///
/// The specification's pattern allows one separator between two alphanumeric characters, which its own examples
/// (`example.com/~user`) break. What its schema checks, and so what clients take, are the characters and both ends: so
/// it is here.
public struct ACIdentifier: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let description: String

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    guard ACText.isValid(text, separators: Self.separators) else {
      throw .malformed(
        "\(text.quotedForMessage) is not an AC identifier: expected lower-case letters, digits and \"-._~/\", "
          + "with a letter or digit at both ends")
    }
    description = text
  }

  /// Makes an identifier of a text as appc's tools do: lower case, `_` for each character that is not allowed, and
  /// without separators at the ends.
  /// - Returns: nil if nothing is left.
  public init?(sanitizing text: String) {
    guard let text = ACText.sanitized(text, separators: Self.separators, replacement: "_") else { return nil }
    description = text
  }

  /// An identifier of the specification.
  init(_ text: StaticString) { description = "\(text)" }

  public static func < (left: ACIdentifier, right: ACIdentifier) -> Bool {
    left.description < right.description
  }

  private static let separators = Set("-._~/".unicodeScalars)
}
