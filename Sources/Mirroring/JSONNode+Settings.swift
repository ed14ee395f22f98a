import Access
import ContainerImage
import Trust

/// Values that are in several of the files about other registries.
extension JSONNode {
  package func bool() throws(InvalidValue) -> Bool {
    switch value {
    case .literal("true"): true
    case .literal("false"): false
    default: throw failure("expected true or false")
    }
  }

  package func number(in range: ClosedRange<Int>) throws(InvalidValue) -> Int {
    guard case .literal(let text) = value, let number = Int(text), range.contains(number) else {
      throw failure("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package func duration() throws(InvalidValue) -> Duration {
    try parsed { text throws(InvalidValue) in
      guard let duration = Duration(parsing: text) else {
        throw .malformed("\(text.quotedForMessage) is no duration such as 30s, 5m or 7d")
      }
      return duration
    }
  }

  /// A list of texts, each of which is something.
  package func list<Value>(
    _ parse: (String) throws(InvalidValue) -> Value
  ) throws(InvalidValue) -> [Value] {
    var values: [Value] = []
    for element in try list() { values.append(try element.parsed(parse)) }
    return values
  }

  package func repositoryPatterns() throws(InvalidValue) -> [RepositoryPattern] {
    try list { text throws(InvalidValue) in try RepositoryPattern(parsing: text) }
  }
}
