import CLocalPrograms

#if canImport(Glibc)
  import Glibc
#endif

/// A program that this one has started. Whoever starts one waits for its end.
public struct ChildProcess: Sendable {
  /// Becomes free for other processes in `wait`.
  public let id: pid_t

  /// Looks for a program in the directories of `PATH`.
  /// - Parameter path: the variable's value; nil for what is usual.
  /// - Returns: its absolute path; nil if there is none that this user may run.
  public static func find(_ program: String, path: String?) -> String? {
    let directories = (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
    // A relative directory would run a program of wherever the user happens to be.
    return directories.filter { $0.hasPrefix("/") }.map { "\($0)/\(program)" }
      .first { access($0, X_OK) == 0 }
  }

  /// Starts a program, with the signals as a shell has them.
  /// - Parameters:
  ///   - arguments: with the program's name as the first.
  ///   - environment: `NAME=value`.
  ///   - input, output, error: what become its standard descriptors; they stay open here. Nil for this program's own.
  public init(
    _ path: String, _ arguments: [String], environment: [String], input: CInt, output: CInt,
    error: CInt? = nil
  ) throws(LocalProgramError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    if let error { posix_spawn_file_actions_adddup2(&actions, error, 2) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // This program may ignore signals; one that it starts should not have to know.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, CShort(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, path, &actions, &attributes, argv, envp)
    guard code == 0 else { throw .system(code: code) }
    id = process
  }

  public func send(_ signal: CInt) { kill(id, signal) }

  /// A descriptor for poll(2) that is readable when the process has ended; it is the caller's.
  public func descriptor() throws(LocalProgramError) -> CInt {
    let descriptor = kontor_process_descriptor(id)
    guard descriptor >= 0 else { throw .system }
    return descriptor
  }

  /// Waits for its end. To be called once.
  /// - Returns: the exit code; 128 and the signal's number if a signal ended it.
  public func wait() -> CInt {
    var status: CInt = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}

/// A pipe, whose ends no program inherits unless it is given them. Both are the caller's to close.
public struct Pipe: Sendable {
  public let readingEnd: CInt
  public let writingEnd: CInt

  public init() throws(LocalProgramError) {
    var ends: [CInt] = [-1, -1]
    guard kontor_pipe(&ends) == 0 else { throw .system }
    (readingEnd, writingEnd) = (ends[0], ends[1])
  }
}
