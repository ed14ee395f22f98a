import ContainerImage
import TOMLKit

/// A table of a TOML file, with what is needed to say where something is wrong in it.
struct TOMLSection {
  private indirect enum Node {
    case string(String)
    case boolean(Bool)
    case array([Node])
    case table([String: Node])
    /// A number or a time: no setting here is one.
    case other

    init(_ value: some TOMLValueConvertible) {
      if let text = value.string {
        self = .string(text)
      } else if let boolean = value.bool {
        self = .boolean(boolean)
      } else if let array = value.array {
        self = .array(array.map { Node($0.tomlValue) })
      } else if let table = value.table {
        self = .table(Self.values(table))
      } else {
        self = .other
      }
    }

    static func values(_ table: TOMLTable) -> [String: Node] {
      Dictionary(table.map { ($0.0, Node($0.1.tomlValue)) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// A text, or a list of texts and of lists of texts, as some settings may be.
  enum Texts: Equatable {
    case text(String)
    case list([Texts])

    var text: String? {
      if case .text(let text) = self { return text }
      return nil
    }
  }

  let path: String
  /// The table's place in the file, with a dot at its end unless it is the whole file.
  private let name: String
  private let values: [String: Node]

  /// - Throws: `SettingsError.malformed`
  init(parsing text: String, path: String) throws(SettingsError) {
    self.path = path
    name = ""
    do {
      values = Node.values(try TOMLTable(string: text))
    } catch let error as TOMLParseError {
      throw .malformed(
        path: path,
        reason: "it is not valid TOML: \(error.description), at \(error.source.begin.debugDescription)")
    } catch {
      throw .malformed(path: path, reason: "it is not valid TOML")
    }
  }

  private init(path: String, name: String, values: [String: Node]) {
    self.path = path
    self.name = name
    self.values = values
  }

  var keys: [String] { values.keys.sorted() }

  func string(_ key: String) throws(SettingsError) -> String? {
    switch values[key] {
    case nil: return nil
    case .string(let text): return text
    default: throw failure(key, "has to be a text")
    }
  }

  func boolean(_ key: String) throws(SettingsError) -> Bool? {
    switch values[key] {
    case nil: return nil
    case .boolean(let value): return value
    default: throw failure(key, "has to be true or false")
    }
  }

  func strings(_ key: String) throws(SettingsError) -> [String]? {
    guard case .list(let items) = try texts(key) else {
      if values[key] == nil { return nil }
      throw failure(key, "has to be a list of texts")
    }
    let strings = items.compactMap(\.text)
    guard strings.count == items.count else { throw failure(key, "has to be a list of texts") }
    return strings
  }

  func texts(_ key: String) throws(SettingsError) -> Texts? {
    func convert(_ node: Node) throws(SettingsError) -> Texts {
      switch node {
      case .string(let text): return .text(text)
      case .array(let nodes):
        var texts: [Texts] = []
        for node in nodes { texts.append(try convert(node)) }
        return .list(texts)
      case .boolean, .table, .other: throw failure(key, "has to be a text or a list of texts")
      }
    }
    guard let node = values[key] else { return nil }
    return try convert(node)
  }

  func section(_ key: String) throws(SettingsError) -> TOMLSection? {
    switch values[key] {
    case nil: return nil
    case .table(let values): return TOMLSection(path: path, name: "\(name)\(key).", values: values)
    default: throw failure(key, "has to be a table")
    }
  }

  /// The tables of a list, such as `[[registry]]`; none if there is no such list.
  func sections(_ key: String) throws(SettingsError) -> [TOMLSection] {
    guard let node = values[key] else { return [] }
    guard case .array(let nodes) = node else { throw failure(key, "has to be a list of tables") }
    var sections: [TOMLSection] = []
    for (index, node) in nodes.enumerated() {
      guard case .table(let values) = node else { throw failure(key, "has to be a list of tables") }
      sections.append(TOMLSection(path: path, name: "\(name)\(key)[\(index + 1)].", values: values))
    }
    return sections
  }

  func failure(_ key: String, _ reason: String) -> SettingsError {
    .malformed(path: path, reason: "\(name)\(key) \(reason)")
  }
}
