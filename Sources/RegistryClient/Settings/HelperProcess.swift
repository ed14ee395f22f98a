import Synchronization

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
    guard let path = find(program, environment) else { throw .notFound }
    let (process, outputEnd) = try starting.withLock { _ throws(Failure) in
      try start(path, [program, argument], input: input, environment)
    }
    defer { close(outputEnd) }
    let output = readAll(outputEnd)
    if output == nil { kill(process, SIGKILL) }
    let status = wait(for: process)
    guard let output else { throw .tooMuchOutput }
    return Result(status: status, output: output)
  }

  private static func find(_ program: String, _ environment: UserEnvironment) -> String? {
    let directories = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
    // A relative directory would run a program of wherever the user happens to be.
    return directories.filter { $0.hasPrefix("/") }.map { "\($0)/\(program)" }
      .first { access($0, X_OK) == 0 }
  }

  /// A pipe's ends are closed in other programs only by a second call: of two helpers that start at once, one would
  /// keep the other's pipe open. Hence one at a time.
  private static let starting = Mutex(())

  /// - Returns: the process, and where its output can be read.
  private static func start(
    _ path: String, _ arguments: [String], input: String, _ environment: UserEnvironment
  ) throws(Failure) -> (pid_t, output: CInt) {
    let (inputEnd, filledEnd) = try pipe()
    defer { close(inputEnd) }
    let isFilled = fill(filledEnd, Array(input.utf8))
    close(filledEnd)
    guard isFilled else { throw .system("more than a pipe holds is to be given to it") }
    let (outputEnd, childsEnd) = try pipe()
    defer { close(childsEnd) }
    do throws(Failure) {
      return (try spawn(path, arguments, environment.assignments, inputEnd, childsEnd), outputEnd)
    } catch {
      close(outputEnd)
      throw error
    }
  }

  private static func pipe() throws(Failure) -> (readingEnd: CInt, writingEnd: CInt) {
    var ends: [CInt] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw .system(SettingsFile.reason()) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Puts the input into the pipe (which holds 64 KiB) before there is a reader that could go away without reading, which
  /// would raise SIGPIPE.
  private static func fill(_ writingEnd: CInt, _ bytes: [UInt8]) -> Bool {
    _ = fcntl(writingEnd, F_SETFL, O_NONBLOCK)
    return bytes.isEmpty || write(writingEnd, bytes, bytes.count) == bytes.count
  }

  /// Standard error stays the user's: a helper may have to say something, or to ask.
  private static func spawn(
    _ path: String, _ arguments: [String], _ environment: [String], _ input: CInt, _ output: CInt
  ) throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // This program may ignore SIGPIPE; one that it starts should not have to know.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, CShort(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, path, &actions, &attributes, argv, envp)
    guard code == 0 else { throw .system(String(cString: strerror(code))) }
    return process
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

  private static func wait(for process: pid_t) -> CInt {
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
