import LocalPrograms

#if canImport(Glibc)
  import Glibc
#endif

/// A program that is started, given some bytes, and asked for its output. Blocks until the program has ended.
struct HelperProcess {
  /// Bytes of output; a program that writes more is killed.
  static let maximumOutput = 1 << 20

  enum Failure: Error {
    case notFound
    case system(String)
    case tooMuchOutput
  }

  struct Result {
    /// The exit code; 128 and the signal's number if a signal ended it.
    let status: CInt
    let output: [UInt8]
  }

  /// - Parameters:
  ///   - program: a name to look for in the environment's `PATH`.
  ///   - input: what it reads. Secrets belong here: arguments and environment can be seen by others.
  static func run(
    _ program: String, _ argument: String, input: String, _ environment: UserEnvironment
  ) throws(Failure) -> Result {
    guard let path = ChildProcess.find(program, path: environment["PATH"]) else { throw .notFound }
    let (process, outputEnd) = try start(path, [program, argument], input: input, environment)
    defer { close(outputEnd) }
    let output = readAll(outputEnd)
    if output == nil { process.send(SIGKILL) }
    let status = process.wait()
    guard let output else { throw .tooMuchOutput }
    return Result(status: status, output: output)
  }

  /// - Returns: the process, and where its output can be read.
  private static func start(
    _ path: String, _ arguments: [String], input: String, _ environment: UserEnvironment
  ) throws(Failure) -> (ChildProcess, output: CInt) {
    let given = try pipe()
    defer { close(given.readingEnd) }
    let isFilled = fill(given.writingEnd, Array(input.utf8))
    close(given.writingEnd)
    guard isFilled else { throw .system("more than a pipe holds is to be given to it") }
    let output = try pipe()
    defer { close(output.writingEnd) }
    do throws(LocalProgramError) {
      // Standard error stays the user's: a helper may have to say something, or to ask.
      let process = try ChildProcess(
        path, arguments, environment: environment.assignments, input: given.readingEnd,
        output: output.writingEnd)
      return (process, output.readingEnd)
    } catch {
      close(output.readingEnd)
      throw .system("\(error)")
    }
  }

  private static func pipe() throws(Failure) -> Pipe {
    do throws(LocalProgramError) {
      return try Pipe()
    } catch {
      throw .system("\(error)")
    }
  }

  /// Puts the input into the pipe (which holds 64 KiB) before there is a reader that could go away without reading, which
  /// would raise SIGPIPE.
  private static func fill(_ writingEnd: CInt, _ bytes: [UInt8]) -> Bool {
    _ = fcntl(writingEnd, F_SETFL, O_NONBLOCK)
    return bytes.isEmpty || write(writingEnd, bytes, bytes.count) == bytes.count
  }

  /// - Returns: nil if there is too much.
  private static func readAll(_ descriptor: CInt) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count > 0 {
        bytes += buffer[..<count]
        if bytes.count > maximumOutput { return nil }
      } else if count == 0 || errno != EINTR {
        return bytes
      }
    }
  }
}
