import ContainerImage
import ImageTransfer

/// A command line for files that cannot hold every text: it says the whole in characters that need no
/// quoting, and has the image's shell put it together.
enum ShellLauncher {
  /// - Parameter exporting: variables to set; their names must be ones that a shell has.
  /// - Returns: `/bin/sh`, `-c` and a script without spaces, control characters and single quotes.
  /// - Throws: `TransferError.notAnImage` if the image has no shell, `.failed`
  static func arguments(
    for command: [String], exporting variables: [ContainerProcess.Variable] = [], in root: RootDirectory,
    because reason: String
  ) throws(TransferError) -> [String] {
    guard try root.contains("/bin/sh") else {
      throw .notAnImage("\(reason), and the image has no /bin/sh that could stand in")
    }
    let exports = variables.map { "export \($0.name)=\(quoted($0.value));" }
    let script = (exports + ["exec"] + command.map(quoted)).joined(separator: " ")
    let octal = script.utf8.map { byte in
      let digits = String(byte, radix: 8)
      return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }
    // IFS, which no shell takes from the environment, holds what separates words.
    return ["/bin/sh", "-c", "eval${IFS}\"$(printf${IFS}\"\(octal.joined())\")\""]
  }

  /// As a shell's word.
  private static func quoted(_ text: String) -> String {
    "'"
      + text.utf8.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }.joined(separator: #"'\''"#) + "'"
  }

  /// Whether a shell can have a variable of that name.
  static func isVariableName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
      return false
    }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}

extension String {
  /// Whether no byte is a control character: such as end lines, and are lost in settings files.
  var isOneLine: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }
}
