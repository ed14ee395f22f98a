/// Why something that somebody else made does not count: a sentence's rest, as in `SignatureVerdict.Outcome.bad`.
struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
