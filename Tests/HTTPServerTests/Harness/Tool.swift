import Foundation
import HTTPServer

/// A program and what it printed.
struct Tool: Sendable {
  let status: Int32
  let output: String
  let errors: String

  /// Runs a program to its end.
  static func run(_ program: String, _ arguments: [String]) async throws -> Tool {
    try await blocking { try runBlocking(program, arguments) }
  }

  /// Not by Foundation's `Process`, which crashes when the process has thousands of open files.
  private static func runBlocking(_ program: String, _ arguments: [String]) throws -> Tool {
    let directory = try TemporaryDirectory()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    // Files, not pipes: nobody has to read two of those at once.
    for (descriptor, name) in [(1, "output"), (2, "errors")] as [(CInt, String)] {
      posix_spawn_file_actions_addopen(&actions, descriptor, directory.file(name), O_WRONLY | O_CREAT, 0o600)
    }
    // The server's sockets would be open in the program, too, and stay so when the server closes them.
    let closing =
      "for f in /proc/self/fd/*; do n=${f##*/}; ((n > 2)) && eval \"exec $n>&-\"; done; exec \"$@\""
    var words = (["bash", "-c", closing, "bash", program] + arguments).map { strdup($0) } + [nil]
    var environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for word in words + environment { free(word) } }
    var identifier: pid_t = 0
    let failure = posix_spawnp(&identifier, "bash", &actions, nil, &words, &environment)
    guard failure == 0 else { throw ClientError.system(program, errno: failure) }
    var status: CInt = 0
    while waitpid(identifier, &status, 0) < 0 {
      guard errno == EINTR else { throw ClientError.system("waitpid", errno: errno) }
    }
    func text(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: URL(fileURLWithPath: directory.file(name))), as: UTF8.self)
    }
    return Tool(
      status: status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f), output: try text("output"),
      errors: try text("errors"))
  }

  /// Runs curl, quietly, for no longer than a minute.
  static func curl(_ arguments: [String]) async throws -> Tool {
    try await run("curl", ["--silent", "--show-error", "--max-time", "60", "--noproxy", "*"] + arguments)
  }
}

/// A certificate that signs itself, so that it is its own authority.
struct TestCertificate: Sendable {
  let directory: TemporaryDirectory
  let files: TLSFiles

  init() async throws {
    directory = try TemporaryDirectory()
    files = TLSFiles(certificate: directory.file("cert.pem"), key: directory.file("key.pem"))
    let result = try await Tool.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files.key,
        "-out", files.certificate,
      ])
    guard result.status == 0 else { throw NeverHappened(description: result.errors) }
  }

  /// Puts this certificate into another one's place, as a renewal does.
  func replace(_ other: TestCertificate) throws {
    for (from, to) in [(files.key, other.files.key), (files.certificate, other.files.certificate)] {
      try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to), options: .atomic)
    }
  }
}

extension TestCertificate {
  private init(copying other: TestCertificate) throws {
    directory = try TemporaryDirectory()
    files = TLSFiles(certificate: directory.file("cert.pem"), key: directory.file("key.pem"))
    try FileManager.default.copyItem(atPath: other.files.certificate, toPath: files.certificate)
    try FileManager.default.copyItem(atPath: other.files.key, toPath: files.key)
  }

  /// One that stays when the other is replaced.
  static func copy(of other: TestCertificate) throws -> TestCertificate {
    try TestCertificate(copying: other)
  }
}
