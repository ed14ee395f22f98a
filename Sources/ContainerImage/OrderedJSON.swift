/// A JSON document that can be changed in one place and written again with everything else as it was: members keep
/// their order, and numbers their digits.
public enum OrderedJSON: Hashable, Sendable {
  case object([Member])
  case array([OrderedJSON])
  case string(String)
  /// A number, `true`, `false` or `null`, as written.
  case literal(String)

  public struct Member: Hashable, Sendable {
    public let name: String
    public var value: OrderedJSON

    public init(name: String, value: OrderedJSON) {
      self.name = name
      self.value = value
    }
  }

  /// - Throws: `InvalidValue.malformed`
  public init(parsing bytes: [UInt8]) throws(InvalidValue) { self = try OrderedJSONParser.parse(bytes) }

  /// An object's members; none for any other value.
  public var members: [Member] {
    if case .object(let members) = self { return members }
    return []
  }

  public var string: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  public var isObject: Bool {
    if case .object = self { return true }
    return false
  }

  /// An object's member. Of several with one name the last counts, as for the tools that share these files. Setting
  /// one replaces it where it stands, or adds it at the end; setting nil removes it.
  public subscript(name: String) -> OrderedJSON? {
    get { members.last { $0.name == name }?.value }
    set {
      var members = members
      guard let newValue else {
        members.removeAll { $0.name == name }
        self = .object(members)
        return
      }
      if let index = members.lastIndex(where: { $0.name == name }) {
        members[index].value = newValue
      } else {
        members.append(Member(name: name, value: newValue))
      }
      self = .object(members)
    }
  }

  /// The document, indented by tabs as Docker and Podman write theirs, with a line's end at its end.
  public var document: String { text(indentation: "") + "\n" }

  /// On one line.
  public var line: String {
    switch self {
    case .object(let members):
      "{" + members.map { Self.quoted($0.name) + ":" + $0.value.line }.joined(separator: ",") + "}"
    case .array(let values): "[" + values.map(\.line).joined(separator: ",") + "]"
    case .string(let text): Self.quoted(text)
    case .literal(let text): text
    }
  }

  private func text(indentation: String) -> String {
    let inner = indentation + "\t"
    switch self {
    case .object(let members) where !members.isEmpty:
      let lines = members.map { inner + Self.quoted($0.name) + ": " + $0.value.text(indentation: inner) }
      return "{\n" + lines.joined(separator: ",\n") + "\n" + indentation + "}"
    case .array(let values) where !values.isEmpty:
      let lines = values.map { inner + $0.text(indentation: inner) }
      return "[\n" + lines.joined(separator: ",\n") + "\n" + indentation + "]"
    default: return line
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
