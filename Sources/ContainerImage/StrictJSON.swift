/// Checks that a manifest is JSON that every reader understands alike: without leniency, and with no name twice in an
/// object, of which some readers take the first and others the last.
enum StrictJSON {
  /// - Parameter isAmbiguous: whether a name of the outermost object could be taken for another one.
  /// - Throws: `InvalidValue`
  static func check(_ bytes: [UInt8], isAmbiguous: (String) -> Bool) throws(InvalidValue) {
    let document = try OrderedJSONParser.parse(bytes, what: "the manifest")
    try checkNames(in: document)
    if let name = document.members.first(where: { isAmbiguous($0.name) })?.name {
      throw .malformed(
        "the manifest's property \(name.quotedForMessage) differs in case from one of the specification")
    }
  }

  private static func checkNames(in value: OrderedJSON) throws(InvalidValue) {
    switch value {
    case .object(let members):
      var names: Set<String> = []
      for member in members {
        guard names.insert(member.name).inserted else {
          throw .malformed(
            "the manifest is ambiguous: it has the property \(member.name.quotedForMessage) twice")
        }
        try checkNames(in: member.value)
      }
    case .array(let elements):
      for element in elements { try checkNames(in: element) }
    case .string, .literal: break
    }
  }
}
