import AppContainer
import ContainerImage

/// The name of an App Container image, or the beginning of such names up to a slash. It becomes a path of directories: so no
/// component is empty, `.` or `..`.
public struct KeyPrefix: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Throws: `InvalidValue.malformed` with the rule that the text breaks.
  public init(parsing text: String) throws(InvalidValue) {
    do {
      description = try ACIdentifier(parsing: text).description
    } catch {
      throw .malformed("\(error), such as example.com/tools")
    }
    for component in text.split(separator: "/", omittingEmptySubsequences: false)
    where ["", ".", ".."].contains(component) {
      throw .malformed(
        "\(text.quotedForMessage) is no name that keys can be kept for: \(String(component).quotedForMessage) is not the "
          + "name of a directory")
    }
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
