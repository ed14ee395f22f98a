/// Checks that a manifest is JSON that every reader understands alike: without leniency, and with no name twice in an
/// object, of which some readers take the first and others the last.
enum StrictJSON {
  /// - Parameter isAmbiguous: whether a name of the outermost object could be taken for another one.
  /// - Throws: `InvalidValue`
  static func check(_ bytes: [UInt8], isAmbiguous: (String) -> Bool) throws(InvalidValue) {
    let document = try OrderedJSON(strictlyParsing: bytes, what: "the manifest")
    if let name = document.members.first(where: { isAmbiguous($0.name) })?.name {
      throw .malformed(
        "the manifest's property \(name.quotedForMessage) differs in case from one of the specification")
    }
  }
}

extension OrderedJSON {
  /// Parses a document in which no object has a name twice.
  /// - Parameter what: the document, as the subject of a sentence.
  /// - Throws: `InvalidValue.malformed`
  public init(strictlyParsing bytes: [UInt8], what: String) throws(InvalidValue) {
    self = try OrderedJSONParser.parse(bytes, what: what)
    try checkNames(what)
  }

  private func checkNames(_ what: String) throws(InvalidValue) {
    switch self {
    case .object(let members):
      var names: Set<String> = []
      for member in members {
        guard names.insert(member.name).inserted else {
          throw .malformed("\(what) is ambiguous: it has the property \(member.name.quotedForMessage) twice")
        }
        try member.value.checkNames(what)
      }
    case .array(let elements):
      for element in elements { try element.checkNames(what) }
    case .string, .literal: break
    }
  }
}
