import Atomics

/// Names for requests: unique in a process and, by a random part, between processes.
enum RequestID {
  private static let process = String(UInt32.random(in: .min ... .max), radix: 36) + "-"
  private static let counter = ManagedAtomic<UInt64>(0)

  /// - Parameter proposed: the client's own, which is taken if it can do no harm in a log.
  static func make(proposed: String?) -> String {
    if let proposed, isSane(proposed) { return proposed }
    return process + String(counter.wrappingIncrementThenLoad(ordering: .relaxed), radix: 36)
  }

  private static func isSane(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
          UInt8(ascii: ":"):
          true
        default: false
        }
      }
  }
}
