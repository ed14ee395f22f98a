import Foundation

/// One system call as strace wrote it (`-f -y`): when it began, when it ended, and on what.
struct SystemCall: Sendable, CustomStringConvertible {
  /// The thread that made the call.
  var thread: Int
  var name: String
  /// Everything between the parentheses.
  var arguments: String
  /// What the kernel answered, with strace's explanation.
  var result: String
  /// Line numbers of the trace. A call that began and ended on one line has both equal.
  var began: Int
  var ended: Int

  var succeeded: Bool { !result.hasPrefix("-1") && !result.hasPrefix("?") }
  var description: String { "[\(began)-\(ended)] \(thread) \(name)(\(arguments.prefix(220))) = \(result)" }

  /// The file or socket of the call's first argument, which `-y` writes in angle brackets after the number.
  var descriptorPath: String? {
    guard let open = arguments.firstIndex(of: "<"), arguments[..<open].allSatisfy(\.isNumber) else {
      return nil
    }
    var depth = 0
    for index in arguments[open...].indices {
      if arguments[index] == "<" { depth += 1 }
      if arguments[index] == ">", arguments[arguments.index(before: index)] != "-" { depth -= 1 }
      if depth == 0 { return String(arguments[arguments.index(after: open)..<index]) }
    }
    return nil
  }

  /// The strings among the arguments, in order.
  var strings: [String] { arguments.matches(of: /"((?:[^"\\]|\\.)*)"/).map { String($0.1) } }

  /// Reads a whole trace. A call that another thread's line interrupts is put together again.
  static func parse(_ trace: String) -> [SystemCall] {
    var calls: [SystemCall] = []
    var unfinished: [Int: SystemCall] = [:]
    for (number, line) in trace.split(separator: "\n").enumerated() {
      guard let match = line.wholeMatch(of: /(\d+)\s+(.*)/), let thread = Int(match.1) else { continue }
      let text = String(match.2)
      if let resumed = text.wholeMatch(of: /<\.\.\. (\w+) resumed>(.*)/) {
        guard var call = unfinished.removeValue(forKey: thread), let (more, result) = split(String(resumed.2))
        else { continue }
        call.arguments += more
        call.result = result
        call.ended = number
        calls.append(call)
      } else if let start = text.wholeMatch(of: /(\w+)\((.*) <unfinished \.\.\.>/) {
        unfinished[thread] = SystemCall(
          thread: thread, name: String(start.1), arguments: String(start.2), result: "?", began: number,
          ended: number)
      } else if let whole = text.wholeMatch(of: /(\w+)\((.*)/),
        let (arguments, result) = split(String(whole.2))
      {
        calls.append(
          SystemCall(
            thread: thread, name: String(whole.1), arguments: arguments, result: result, began: number,
            ended: number))
      }
    }
    return calls
  }

  /// Splits `arguments) = result` at the last `) = `, with whatever spaces strace aligned it by.
  private static func split(_ text: String) -> (String, String)? {
    guard let match = text.wholeMatch(of: /(.*)\)\s+= (.*)/) else { return nil }
    return (String(match.1), String(match.2))
  }
}
