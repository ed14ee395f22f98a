import ContainerImage

/// The name of an App Container image, or the beginning of such names up to a slash: an AC Identifier (appc specification,
/// types.md, section "AC Identifier Type"), `[a-z0-9]+([-._~/][a-z0-9]+)*`. Hence no component is empty, `.` or `..`.
public struct KeyPrefix: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Throws: `InvalidValue.malformed` with the rule that the text breaks.
  public init(parsing text: String) throws(InvalidValue) {
    let parts = text.utf8.split(omittingEmptySubsequences: false, whereSeparator: "-._~/".utf8.contains)
    let isValid = parts.allSatisfy { part in
      !part.isEmpty
        && part.allSatisfy { byte in
          (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
    }
    guard isValid else {
      throw .malformed(
        "\(text.quotedForMessage) is not the name of an App Container image or the beginning of one: expected lower-case "
          + "letters and digits, with '-', '.', '_', '~' or '/' between them, such as example.com/tools")
    }
    description = text
  }

  /// The prefixes of this name, from the shortest on, and itself: of `example.com/a`, `example.com` and `example.com/a`.
  var ancestry: [String] {
    var paths: [String] = []
    for component in description.split(separator: "/") {
      paths.append((paths.last.map { $0 + "/" } ?? "") + component)
    }
    return paths
  }
}
