import ImageTransfer
import LocalPrograms

#if canImport(Glibc)
  import Glibc
#endif

/// One run of an engine's program.
final class EngineRun: BlobReader {
  private let name: String
  private let process: ChildProcess
  private let environment: EngineEnvironment
  /// Is readable when the program has ended.
  private let end: CInt
  /// This side's end of the pipe with the archive.
  private let archive: CInt
  private let errors: CInt
  private var isOpen = true
  private var isAtEnd = false
  private var hasEnded = false
  /// Whether it has closed what it says its words to.
  private var isSilent = false
  private var words: [UInt8] = []

  /// Milliseconds between two looks at whether the user still waits.
  private static let pause: CInt = 200
  /// Milliseconds for an orderly end.
  private static let patience: CInt = 5000
  /// Bytes of what it says that are kept.
  private static let mostWords = 1000

  /// The program has closed its end.
  private struct Closed: Error {}

  /// The program has ended in a bad way.
  struct Failure: Error {
    /// 128 and the signal's number if a signal ended it.
    let status: CInt
    let words: String
  }

  init(
    _ path: String, _ arguments: [String], _ environment: EngineEnvironment, isFed: Bool
  ) throws {
    name = arguments[0]
    self.environment = environment
    do throws(LocalProgramError) {
      (process, end, archive, errors) = try Self.start(path, arguments, environment, isFed: isFed)
    } catch {
      throw TransferError.failed("cannot start \(path): \(error)")
    }
  }

  private static func start(
    _ path: String, _ arguments: [String], _ environment: EngineEnvironment, isFed: Bool
  ) throws(LocalProgramError) -> (ChildProcess, end: CInt, archive: CInt, errors: CInt) {
    let words = try Pipe()
    defer { close(words.writingEnd) }
    var open = [words.readingEnd]
    do throws(LocalProgramError) {
      let pipe = try Pipe()
      open += [pipe.readingEnd, pipe.writingEnd]
      let nothing = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
      defer { close(nothing) }
      let process = try ChildProcess(
        path, arguments, environment: environment.variables.map { "\($0)=\($1)" },
        input: isFed ? pipe.readingEnd : nothing, output: isFed ? words.writingEnd : pipe.writingEnd,
        error: words.writingEnd)
      let (own, other) =
        isFed ? (pipe.writingEnd, pipe.readingEnd) : (pipe.readingEnd, pipe.writingEnd)
      for descriptor in [own, words.readingEnd] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
      do throws(LocalProgramError) {
        let end = try process.descriptor()
        close(other)
        return (process, end, own, words.readingEnd)
      } catch {
        process.send(SIGKILL)
        _ = process.wait()
        throw error
      }
    } catch {
      open.forEach { close($0) }
      throw error
    }
  }

  deinit {
    stop()
    closeInput()
    close(errors)
    close(end)
  }

  // MARK: The archive

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      guard try wait(for: archive, POLLOUT) else { throw Closed() }
      let count = Glibc.write(archive, rest.baseAddress, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EPIPE {
        throw Closed()
      } else if errno != EINTR, errno != EAGAIN {
        throw LocalFile.failure("write to \(name)")
      }
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while !isAtEnd, try wait(for: archive, POLLIN) {
      let count = Glibc.read(archive, buffer.baseAddress, buffer.count)
      if count > 0 { return count }
      if count == 0 { break }
      if errno != EINTR, errno != EAGAIN { throw LocalFile.failure("read from \(name)") }
    }
    isAtEnd = true
    return 0
  }

  /// Ends what the program reads.
  func closeInput() {
    if isOpen { close(archive) }
    isOpen = false
  }

  // MARK: The end

  /// Waits for the program's end.
  /// - Throws: `Failure` unless it was a good one, `TransferError.cancelled`
  func finish() throws {
    while try wait(for: -1, 0) {}
    try reap()
  }

  /// What went wrong: the program itself, if it has given up, else what `error` says.
  func reason(of error: any Error) -> any Error {
    do {
      if error is Closed || isAtEnd {
        try finish()
        return error is Closed ? TransferError.failed("\(name) ended before it had the whole image") : error
      }
      return error
    } catch let other {
      return other
    }
  }

  private func reap() throws(Failure) {
    hasEnded = true
    let status = process.wait()
    readWords()
    guard status != 0 else { return }
    let lines = String(decoding: words, as: UTF8.self).split { $0.isNewline }
    // It may have been written for a terminal.
    let plain = lines.map { $0.filter { !$0.isASCII || $0 >= " " } }
    throw Failure(status: status, words: plain.joined(separator: "\n"))
  }

  /// Ends the program, unless it has ended by itself.
  private func stop() {
    guard !hasEnded else { return }
    process.send(SIGTERM)
    var state = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
    if poll(&state, 1, Self.patience) != 1 { process.send(SIGKILL) }
    hasEnded = true
    _ = process.wait()
  }

  /// Gathers what the program says, until there is something to do.
  /// - Parameter descriptor: -1 to wait for the program's end alone.
  /// - Returns: whether the descriptor is ready; else the program has ended.
  /// - Throws: `TransferError.cancelled`
  private func wait(for descriptor: CInt, _ events: CInt) throws(TransferError) -> Bool {
    while true {
      try environment.check()
      let watched = [(descriptor, events), (isSilent ? -1 : errors, POLLIN), (end, POLLIN)]
      var states = watched.map { descriptor, events in
        pollfd(fd: descriptor, events: Int16(events), revents: 0)
      }
      let count = poll(&states, 3, Self.pause)
      if count < 0, errno != EINTR { throw LocalFile.failure("wait for \(name)") }
      guard count > 0 else { continue }
      if states[1].revents != 0 { readWords() }
      if states[0].revents != 0 { return true }
      if states[2].revents != 0 { return false }
    }
  }

  /// Keeps the last ones.
  private func readWords() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(errors, &buffer, buffer.count)
      if count == 0 { isSilent = true }
      guard count > 0 else { return }
      words = Array((words + buffer[..<count]).suffix(Self.mostWords))
    }
  }
}
