import ContainerImage

/// Reading JSON of which every part may be hostile. Numbers of 64 bits may be written as strings, as protobuf's JSON does.
extension OrderedJSON {
  /// A document in which no object has a name twice.
  init(signed bytes: [UInt8], what: String) throws(Refusal) {
    guard bytes.count <= SigstoreVerifier.maximumSize else {
      throw Refusal("\(what) has more than \(SigstoreVerifier.maximumSize) bytes")
    }
    do { self = try OrderedJSON(strictlyParsing: bytes, what: what) } catch {
      throw Refusal("\(error)")
    }
    guard isObject else { throw Refusal("\(what) is no JSON object") }
  }

  /// A member that is there and not null.
  func member(_ name: String) -> OrderedJSON? {
    guard let value = self[name], value != .literal("null") else { return nil }
    return value
  }

  func object(_ name: String) throws(Refusal) -> OrderedJSON {
    guard let value = member(name), value.isObject else { throw Self.flaw(name, "an object") }
    return value
  }

  func text(_ name: String) throws(Refusal) -> String {
    guard let text = member(name)?.string else { throw Self.flaw(name, "a string") }
    return text
  }

  /// - Returns: nothing if it is not there.
  func list(_ name: String) throws(Refusal) -> [OrderedJSON] {
    guard let value = member(name) else { return [] }
    guard case .array(let elements) = value else { throw Self.flaw(name, "a list") }
    return elements
  }

  func bytes(_ name: String) throws(Refusal) -> [UInt8] {
    guard let bytes = (member(name)?.string).flatMap(StrictBase64.decode) else {
      throw Self.flaw(name, "bytes in base64")
    }
    return bytes
  }

  func number(_ name: String) throws(Refusal) -> Int64 {
    let digits: String? =
      switch member(name) {
      case .string(let text), .literal(let text): text
      default: nil
      }
    guard let digits, let number = Int64(digits), String(number) == digits else {
      throw Self.flaw(name, "a whole number")
    }
    return number
  }

  /// Exactly these members.
  func hasOnly(_ names: String...) -> Bool { Set(members.map(\.name)) == Set(names) && isObject }

  private static func flaw(_ name: String, _ kind: String) -> Refusal {
    Refusal("its \(name.quotedForMessage) is missing or is not \(kind)")
  }
}
