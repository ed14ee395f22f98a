import NIOHTTP1

/// Requests that depend on what the client has already (RFC 9110, section 13).
public enum ConditionalRequest {
  /// Whether the client's copy, by its `If-None-Match`, is the current one.
  /// - Parameter entityTag: of the current content, quoted.
  public static func isNotModified(_ headers: HTTPHeaders, entityTag: String) -> Bool {
    for value in headers[canonicalForm: "if-none-match"] {
      // Tags are compared weakly here: RFC 9110, section 13.1.2.
      let tag = value.hasPrefix("W/") ? value.dropFirst(2) : value
      if tag == entityTag || tag == "*" { return true }
    }
    return false
  }

  /// Whether a `Range` holds for the current content: there is no `If-Range`, or it names that content. A date
  /// never does, for content has none.
  static func rangeHolds(_ headers: HTTPHeaders, entityTag: String) -> Bool {
    headers.first(name: "if-range").map { $0 == entityTag } ?? true
  }
}
