import FoundationEssentials

extension InvalidValue {
  /// Decodes a JSON document, with what is wrong of it in words for whoever sent it.
  /// - Parameter what: the document, as the subject of a sentence.
  package static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: some ContiguousBytesSequence, what: String
  ) throws(InvalidValue) -> Value {
    do {
      return try bytes.withContiguousBytes { raw in
        Result { try JSONDecoder().decode(type, from: Data(raw)) }
      }.get()
    } catch let error as DecodingError {
      throw .malformed("\(what) \(error.explanation)")
    } catch let error as InvalidValue {
      throw error
    } catch {
      throw .malformed("\(what) is not valid JSON")
    }
  }
}

extension DecodingError {
  /// What is wrong, with the path of the property.
  fileprivate var explanation: String {
    func path(_ context: Context, _ last: (any CodingKey)? = nil) -> String {
      (context.codingPath + (last.map { [$0] } ?? [])).map { key in
        key.intValue.map { "[\($0)]" } ?? key.stringValue
      }.joined(separator: ".")
    }
    switch self {
    case .keyNotFound(let key, let context): return "lacks the property \(path(context, key))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      let place = path(context)
      return place.isEmpty ? "is not a JSON object" : "has a value of the wrong type at \(place)"
    case .dataCorrupted(let context):
      let place = path(context)
      if place.isEmpty { return "is not valid JSON" }
      return "has an invalid value at \(place): \(context.debugDescription)"
    @unknown default: return "is not valid"
    }
  }
}
