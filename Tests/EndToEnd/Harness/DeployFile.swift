import Foundation

/// What `deploy/` has for operators.
enum DeployFile {
  static func path(_ name: String) -> String {
    var directory = URL(filePath: #filePath)
    for _ in 0..<4 { directory.deleteLastPathComponent() }
    return directory.appending(path: "deploy/\(name)").path
  }

  static func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  struct NothingToReplace: Error, CustomStringConvertible {
    var name: String
    var text: String
    var description: String { "deploy/\(name) has no \"\(text)\"" }
  }

  /// The file's text with an example's names, ports and paths replaced by others, all of which it has to have.
  static func text(_ name: String, replacing replacements: [(String, String)]) throws -> String {
    try replacements.reduce(try text(name)) { text, replacement in
      guard text.contains(replacement.0) else { throw NothingToReplace(name: name, text: replacement.0) }
      return text.replacing(replacement.0, with: replacement.1)
    }
  }
}
