import Foundation

/// One run of the binary under test as a command, to its end.
enum KontorCommand {
  struct Result: Sendable {
    var exit: ChildProcess.Exit
    var output: String
    var error: String
  }

  /// Runs `kontor` with `arguments`; it may fail.
  static func run(_ arguments: String...) async throws -> Result { try await run(arguments) }

  static func run(
    _ arguments: [String], environment: [String: String] = [:], input: Data = Data()
  ) async throws -> Result {
    try await Scratch.withDirectory("command") { directory in
      let paths = ["\(directory)/output", "\(directory)/error"]
      let descriptors = paths.map { open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600) }
      try input.write(to: URL(filePath: "\(directory)/input"))
      let standardInput = open("\(directory)/input", O_RDONLY | O_CLOEXEC)
      let child = try await ChildProcess.start(
        try KontorProcess.binary(), arguments, environment: environment, input: standardInput,
        output: descriptors[0], error: descriptors[1])
      for descriptor in descriptors + [standardInput] { close(descriptor) }
      let exit = await child.wait()
      let texts = try paths.map { try String(contentsOfFile: $0, encoding: .utf8) }
      return Result(exit: exit, output: texts[0], error: texts[1])
    }
  }
}
