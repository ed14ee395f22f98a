import ContainerImage
import FoundationEssentials

/// When a key or an authority is to be trusted, both ends included.
struct TrustedPeriod: Sendable, Hashable {
  let start: Date?
  let end: Date?

  static let always = TrustedPeriod(start: nil, end: nil)

  func contains(_ time: Date) -> Bool {
    if let start, time < start { return false }
    if let end, time > end { return false }
    return true
  }
}

extension TrustedPeriod {
  /// A `TimeRange` (protobuf-specs, sigstore_common.proto) in JSON.
  init(_ range: OrderedJSON) throws(Refusal) {
    start = try Self.time("start", of: range)
    end = try Self.time("end", of: range)
  }

  private static func time(_ name: String, of range: OrderedJSON) throws(Refusal) -> Date? {
    guard range.member(name) != nil else { return nil }
    let text = try range.text(name)
    guard let time = RFC3339Time(text) else {
      throw Refusal("\(text.quotedForMessage) is no time, such as 2026-01-31T12:00:00Z")
    }
    return Date(timeIntervalSince1970: Double(time.secondsSince1970))
  }
}
