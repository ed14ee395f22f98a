import ContainerImage

/// An object of a manifest, with where it is, so that messages can say it.
///
/// Names are found as the specification's own schema finds them, in any case: its example has `supplementaryGids` for
/// `supplementaryGIDs`. Two that differ in nothing but case are refused. `null` counts as absent.
struct ManifestFields {
  let path: String
  private let members: [OrderedJSON.Member]

  /// - Parameter path: empty for the manifest itself.
  init(_ value: OrderedJSON, at path: String) throws(AppContainerError) {
    guard value.isObject else {
      throw path.isEmpty
        ? .invalidManifest(reason: "is not a JSON object")
        : .invalidField(field: path, reason: "expected an object")
    }
    self.path = path
    members = value.members
  }

  func path(of name: String) -> String { path.isEmpty ? name : path + "." + name }

  func failure(_ name: String, _ reason: String) -> AppContainerError {
    .invalidField(field: path(of: name), reason: reason)
  }

  func value(_ name: String) throws(AppContainerError) -> OrderedJSON? {
    let lowercased = name.lowercased()
    let found = members.filter { $0.name == name || $0.name.lowercased() == lowercased }
    guard found.count <= 1 else {
      throw failure(name, "it is there twice, in different cases of letters")
    }
    return found.first.flatMap { $0.value == .literal("null") ? nil : $0.value }
  }

  func string(_ name: String) throws(AppContainerError) -> String? {
    guard let value = try value(name) else { return nil }
    guard let text = value.string else { throw failure(name, "expected a string") }
    return text
  }

  func requiredString(_ name: String) throws(AppContainerError) -> String {
    guard let text = try string(name) else { throw failure(name, "it is missing; expected a string") }
    return text
  }

  /// A string that is parsed into a value.
  func parsed<Value>(
    _ name: String, _ parse: (String) throws(AppContainerError) -> Value
  ) throws(AppContainerError) -> Value? {
    guard let text = try string(name) else { return nil }
    do {
      return try parse(text)
    } catch {
      throw failure(name, "\(error)")
    }
  }

  func requiredParsed<Value>(
    _ name: String, _ parse: (String) throws(AppContainerError) -> Value
  ) throws(AppContainerError) -> Value {
    guard let value = try parsed(name, parse) else {
      throw failure(name, "it is missing; expected a string")
    }
    return value
  }

  func boolean(_ name: String) throws(AppContainerError) -> Bool? {
    switch try value(name) {
    case nil: return nil
    case .literal("true"): return true
    case .literal("false"): return false
    default: throw failure(name, "expected true or false")
    }
  }

  func integer(_ name: String, in range: ClosedRange<Int64>) throws(AppContainerError) -> Int64? {
    guard let value = try value(name) else { return nil }
    return try Self.integer(value, in: range, at: path(of: name))
  }

  func strings(_ name: String) throws(AppContainerError) -> [String] {
    var texts: [String] = []
    for (index, element) in try elements(name).enumerated() {
      guard let text = element.string else { throw failure("\(name)[\(index)]", "expected a string") }
      texts.append(text)
    }
    return texts
  }

  func objects(_ name: String) throws(AppContainerError) -> [ManifestFields] {
    var objects: [ManifestFields] = []
    for (index, element) in try elements(name).enumerated() {
      objects.append(try ManifestFields(element, at: path(of: "\(name)[\(index)]")))
    }
    return objects
  }

  func object(_ name: String) throws(AppContainerError) -> ManifestFields? {
    guard let value = try value(name) else { return nil }
    return try ManifestFields(value, at: path(of: name))
  }

  func elements(_ name: String) throws(AppContainerError) -> [OrderedJSON] {
    guard let value = try value(name) else { return [] }
    guard case .array(let elements) = value else { throw failure(name, "expected a list") }
    return elements
  }

  /// An object whose values all are strings.
  func dictionary(_ name: String) throws(AppContainerError) -> [String: String] {
    try object(name)?.dictionary() ?? [:]
  }

  func dictionary() throws(AppContainerError) -> [String: String] {
    var texts: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else { throw failure(member.name, "expected a string") }
      texts[member.name] = text
    }
    return texts
  }

  /// The members whose names are none of these in any case.
  func others(than names: [String]) -> [OrderedJSON.Member] {
    let known = Set(names.map { $0.lowercased() })
    return members.filter { !known.contains($0.name.lowercased()) }
  }

  static func integer(
    _ value: OrderedJSON, in range: ClosedRange<Int64>, at path: String
  ) throws(AppContainerError) -> Int64 {
    guard case .literal(let text) = value, let number = Int64(text), range.contains(number) else {
      throw .invalidField(
        field: path,
        reason: range.upperBound == .max
          ? "expected an integer of \(range.lowerBound) or more"
          : "expected an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
