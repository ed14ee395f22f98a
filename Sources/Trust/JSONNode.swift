import ContainerImage
import FoundationEssentials

/// A value of a JSON document and where it stands, for readers that refuse what they do not know and say where it is.
package struct JSONNode {
  package let value: OrderedJSON
  /// Such as `transports.docker["registry.example"][0].keyPath`; empty for the document itself.
  package let place: String

  package init(_ value: OrderedJSON, place: String = "") {
    self.value = value
    self.place = place
  }

  /// The members of an object.
  /// - Throws: `InvalidValue.malformed` if it is none, or has a name twice.
  package func members() throws(InvalidValue) -> [(name: String, node: JSONNode)] {
    guard value.isObject else { throw failure("expected an object") }
    var names: Set<String> = []
    var members: [(name: String, node: JSONNode)] = []
    for member in value.members {
      let node = JSONNode(member.value, place: place(of: member.name))
      guard names.insert(member.name).inserted else { throw node.failure("it is there twice") }
      members.append((member.name, node))
    }
    return members
  }

  /// The members of an object that has no others than those named here.
  /// - Throws: `InvalidValue.malformed`
  package func members(_ known: String...) throws(InvalidValue) -> Members { try members(known) }

  /// As the other one.
  package func members(_ known: [String]) throws(InvalidValue) -> Members {
    var found: [String: JSONNode] = [:]
    for (name, node) in try members() {
      guard known.contains(name) else {
        throw node.failure("it is not known here: expected \(known.joined(separator: ", "))")
      }
      found[name] = node
    }
    return Members(object: self, byName: found)
  }

  package struct Members {
    package let object: JSONNode
    fileprivate let byName: [String: JSONNode]

    /// One that may be left out.
    package subscript(name: String) -> JSONNode? { byName[name] }

    /// - Throws: `InvalidValue.malformed` if it is not there.
    package func needed(_ name: String) throws(InvalidValue) -> JSONNode {
      guard let node = byName[name] else { throw object.missing(name) }
      return node
    }
  }

  /// A member of an object whose other members are looked at later: the one that says what the others are.
  package func string(of name: String) throws(InvalidValue) -> String {
    guard let member = try members().first(where: { $0.name == name }) else { throw missing(name) }
    return try member.node.string()
  }

  /// The elements of an array.
  package func list() throws(InvalidValue) -> [JSONNode] {
    guard case .array(let values) = value else { throw failure("expected a list") }
    return values.enumerated().map { JSONNode($0.element, place: "\(place)[\($0.offset)]") }
  }

  /// The elements of an array that has some.
  package func elements() throws(InvalidValue) -> [JSONNode] {
    let elements = try list()
    guard !elements.isEmpty else { throw failure("the list must not be empty") }
    return elements
  }

  package func text() throws(InvalidValue) -> String {
    guard let text = value.string else { throw failure("expected a text") }
    return text
  }

  /// A text that is not empty.
  package func string() throws(InvalidValue) -> String {
    let text = try text()
    guard !text.isEmpty else { throw failure("it is empty") }
    return text
  }

  /// Bytes in base64 (RFC 4648, section 4).
  package func data() throws(InvalidValue) -> [UInt8] {
    guard let data = Data(base64Encoded: try string()) else { throw failure("it is not base64") }
    return [UInt8](data)
  }

  package func failure(_ reason: String) -> InvalidValue {
    .malformed(place.isEmpty ? reason : "\(place): \(reason)")
  }

  private func missing(_ name: String) -> InvalidValue { .malformed("\(place(of: name)): it is missing") }

  private func place(of name: String) -> String {
    let isWord = !name.isEmpty && name.utf8.allSatisfy(\.isWordCharacter)
    if isWord { return place.isEmpty ? name : "\(place).\(name)" }
    return "\(place)[\(name.quotedForMessage)]"
  }
}

extension UInt8 {
  fileprivate var isWordCharacter: Bool {
    isAlphanumeric || self == UInt8(ascii: "_") || self == UInt8(ascii: "-")
  }
}
