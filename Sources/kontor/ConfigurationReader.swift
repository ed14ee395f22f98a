import FoundationEssentials

/// Reads settings: a file over the defaults, and the environment over the file.
struct ConfigurationReader {
  private let keys = ConfigurationKey.all

  /// - Parameters:
  ///   - file: nil for none.
  ///   - environment: of the process.
  /// - Throws: for the first key that is unknown or has a bad value.
  func settings(file: String?, environment: [String: String]) throws(ConfigurationError) -> Settings {
    var settings = Settings()
    if let file { try apply(file: file, to: &settings) }
    try apply(environment, to: &settings)
    return settings
  }

  private func apply(file: String, to settings: inout Settings) throws(ConfigurationError) {
    let content: Data
    do {
      content = try Data(contentsOf: URL(filePath: file))
    } catch {
      throw ConfigurationError(
        "cannot read the configuration file \(file): does it exist, and may this user read it?")
    }
    try apply(json: content, name: file, to: &settings)
  }

  func apply(json content: Data, name file: String, to settings: inout Settings) throws(ConfigurationError) {
    let root: JSONValue
    do {
      root = try JSONDecoder().decode(JSONValue.self, from: content)
    } catch {
      throw ConfigurationError("\(file) is no valid JSON: \(Self.reason(error))")
    }
    guard case .object(let sections) = root else {
      throw ConfigurationError("\(file) holds \(root): expected an object with sections such as \"server\"")
    }
    for (section, value) in sections.sorted(by: { $0.key < $1.key }) {
      let known = keys.filter { $0.section == section }
      guard !known.isEmpty else {
        throw ConfigurationError(
          "\(file): unknown section \(section): expected one of \(Self.list(keys.map(\.section)))")
      }
      guard case .object(let members) = value else {
        throw ConfigurationError("\(file): \(section) is \(value): expected an object")
      }
      for (name, value) in members.sorted(by: { $0.key < $1.key }) {
        guard let key = known.first(where: { $0.name == name }) else {
          throw ConfigurationError(
            "\(file): unknown key \(section).\(name): expected one of \(Self.list(known.map(\.name)))")
        }
        guard key.set(value, &settings) else {
          throw ConfigurationError("\(file): \(key.path) is \(value): expected \(key.expected)")
        }
      }
    }
  }

  /// Variables of other sections are not ours to judge: container platforms make up names such as
  /// `KONTOR_SERVICE_HOST` by themselves.
  private func apply(_ environment: [String: String], to settings: inout Settings) throws(ConfigurationError)
  {
    let sections = Set(keys.map { "KONTOR_\($0.section.uppercased())_" })
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
      guard sections.contains(where: { name.hasPrefix($0) }) else { continue }
      guard let key = keys.first(where: { $0.variable == name }) else {
        throw ConfigurationError(
          "the environment variable \(name) is no configuration key: expected one of "
            + Self.list(keys.map { $0.variable[...] }.filter { $0.hasPrefix(name.prefix(10)) }))
      }
      guard key.set(.string(value), &settings) else {
        throw ConfigurationError("the environment variable \(name) is \"\(value)\": expected \(key.expected)")
      }
    }
  }

  private static func list(_ names: [Substring]) -> String {
    var seen: Set<Substring> = []
    return names.filter { seen.insert($0).inserted }.joined(separator: ", ")
  }

  private static func reason(_ error: any Error) -> String {
    guard case DecodingError.dataCorrupted(let context) = error else { return "\(error)" }
    return context.underlyingError.map { "\($0)" } ?? context.debugDescription
  }
}
