import Archive
import ImageTransfer
import LocalPrograms

/// A container engine's own program, such as `podman`, that takes an archive from a pipe, or writes one to it. Blocks its
/// thread until the program has ended. The process must ignore SIGPIPE.
struct EngineProgram: Sendable {
  let name: String
  /// Debian's package that has it.
  let package: String
  let environment: EngineEnvironment

  /// - Throws: `TransferError` if it is not on this machine.
  func path() throws(TransferError) -> String {
    if let path = ChildProcess.find(name, path: environment["PATH"]) { return path }
    throw .failed(
      "the program \(name) is needed for this and is not in PATH: on Debian it is in the package \(package)")
  }

  /// Runs it with what `body` writes as its input.
  /// - Throws: `TransferError` with the program's last words if it fails; else what `body` throws, and then the
  ///   program got no end of its input: it was ended before.
  func feed(_ arguments: [String], _ body: (ByteSink) throws -> Void) throws {
    try reporting {
      let run = try EngineRun(try path(), [name] + arguments, environment, isFed: true)
      do {
        try body(ByteSink { try run.write($0) })
      } catch {
        throw run.reason(of: error)
      }
      run.closeInput()
      try run.finish()
    }
  }

  /// Runs it and has `body` read its output.
  /// - Throws: `TransferError` with the program's last words if it fails; else what `body` throws.
  func read(_ arguments: [String], _ body: (any BlobReader) throws -> Void) throws {
    try reporting { try run(arguments, body) }
  }

  /// What it writes, in memory.
  /// - Throws: `TransferError`
  func output(_ arguments: [String]) throws -> String {
    var bytes: [UInt8] = []
    try read(arguments) { bytes = try $0.contents(atMost: 1 << 20, of: "what \(name) says") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether it ends with 0 rather than 1, as programs do that answer a question.
  /// - Returns: nil for yes; else what it said, if it did.
  /// - Throws: `TransferError` if it ends in another way.
  func denial(_ arguments: [String]) throws -> String? {
    try reporting {
      do {
        try run(arguments) { _ in }
        return nil
      } catch let failure as EngineRun.Failure where failure.status == 1 {
        return failure.words
      }
    }
  }

  private func run(_ arguments: [String], _ body: (any BlobReader) throws -> Void) throws {
    let run = try EngineRun(try path(), [name] + arguments, environment, isFed: false)
    do {
      try body(run)
      // What comes behind an archive's end.
      try run.forEachPiece { _ in }
    } catch {
      throw run.reason(of: error)
    }
    try run.finish()
  }

  private func reporting<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let failure as EngineRun.Failure {
      let end = failure.status > 128 ? "signal \(failure.status - 128)" : "exit code \(failure.status)"
      throw TransferError.failed(
        "\(name) failed (\(end)): \(failure.words.isEmpty ? "it did not say why" : failure.words)")
    }
  }
}
