import Foundation

/// One run of a program to its end.
///
/// Output goes to files without a name, so a program never waits for a reader, and one that leaves a child behind with its
/// descriptors open is still seen to end.
struct Command: Sendable {
  struct Output: Sendable {
    var exit: ChildProcess.Exit
    var standardOutput: Data
    var standardError: Data

    var text: String { String(decoding: standardOutput, as: UTF8.self) }
    var errorText: String { String(decoding: standardError, as: UTF8.self) }
    var succeeded: Bool { exit == .code(0) }
  }

  struct Failure: Error, CustomStringConvertible {
    var commandLine: String
    var end: String
    var output: Output?

    var description: String {
      """
      \(commandLine)
      \(end)
      \(output?.errorText.suffix(4000) ?? "")
      \(output?.text.suffix(2000) ?? "")
      """
    }
  }

  var tool: Tool
  var arguments: [String]
  var environment: [String: String] = [:]
  var input: Data?
  /// Only keeps a hanging program from holding the whole run; no test depends on its value.
  var limit: Duration = .seconds(180)

  /// Runs the program; throws unless it exits with 0.
  @discardableResult
  func run() async throws -> Output {
    let output = try await attempt()
    guard output.succeeded else {
      throw Failure(commandLine: commandLine, end: "ended with \(output.exit)", output: output)
    }
    return output
  }

  /// Runs the program, which may fail.
  func attempt() async throws -> Output {
    let program = try tool.path()
    let standardInput = try file(holding: input ?? Data())
    let standardOutput = try file()
    let standardError = try file()
    defer { for descriptor in [standardInput, standardOutput, standardError] { close(descriptor) } }
    let child = try await ChildProcess.start(
      program, arguments, environment: environment,
      input: standardInput, output: standardOutput, error: standardError)
    let exit = await child.wait(atMost: limit)
    let output = Output(
      exit: exit ?? .signal(SIGKILL), standardOutput: contents(of: standardOutput),
      standardError: contents(of: standardError))
    guard exit != nil else {
      throw Failure(commandLine: commandLine, end: "still ran after \(limit)", output: output)
    }
    return output
  }

  private var commandLine: String { ([tool.rawValue] + arguments).joined(separator: " ") }

  private func file(holding data: Data = Data()) throws -> Int32 {
    let path = "\(Scratch.root)/\(UUID().uuidString)"
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw Failure(commandLine: commandLine, end: "cannot make \(path): \(Scratch.errnoText())")
    }
    unlink(path)
    try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: data)
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }

  private func contents(of descriptor: Int32) -> Data {
    lseek(descriptor, 0, SEEK_SET)
    return (try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readToEnd()) ?? Data()
  }
}
