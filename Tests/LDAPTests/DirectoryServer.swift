import Foundation
import LDAP

/// A real slapd with a directory of its own, on ports that are free.
final class DirectoryServer {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  enum Certificate { case good, otherAuthority, otherHost, otherHostButCommonName, expired, none }

  struct Options {
    var certificate = Certificate.good
    var anonymousReads = false
    var hasPasswordPolicy = false
    /// GnuTLS's priority string for the server.
    var tls = "NORMAL"
    /// Of the user "bulk".
    var groups = 0
  }

  static let base = "dc=example,dc=org"
  static let people = "ou=people,dc=example,dc=org"
  static let groups = "ou=groups,dc=example,dc=org"
  static let searcher = "cn=search,dc=example,dc=org"
  static let searcherPassword = "search-pa55"

  let directory: URL
  private(set) var port = 0
  private(set) var encryptedPort = 0
  private let options: Options
  private var process: Process?
  /// As long as it is open, slapd runs: it ends with this process, too, however that ends.
  private var lifeline: FileHandle?

  var plainURL: String { "ldap://127.0.0.1:\(port)" }
  var encryptedURL: String { "ldaps://127.0.0.1:\(encryptedPort)" }
  var socketURL: String { "ldapi://\(directory.path.replacing("/", with: "%2F"))%2Fsocket" }
  var authorities: String { directory.appending(path: "ca.pem").path }

  private init(_ options: Options) throws {
    self.options = options
    // Short, as the path of a socket may not be long.
    directory = URL(filePath: "/tmp/ldap-\(UInt32.random(in: .min ... .max))")
    try FileManager.default.createDirectory(
      at: directory.appending(path: "data"), withIntermediateDirectories: true)
  }

  /// Runs a body with a server, which has ended when this returns.
  static func run<Value>(
    _ options: Options = Options(), isolation: isolated (any Actor)? = #isolation,
    _ body: (DirectoryServer) async throws -> Value
  ) async throws -> Value {
    let server = try DirectoryServer(options)
    defer {
      server.stop()
      try? FileManager.default.removeItem(at: server.directory)
    }
    try server.prepare()
    try server.start()
    return try await body(server)
  }

  func configuration(
    url: String? = nil, startTLS: Bool = true, authorities: String? = nil, bindDN: String? = searcher,
    password: String = searcherPassword, userBase: String = people, userFilter: LDAPFilter = .user,
    userName: String = "uid", groupBase: String? = groups, groupFilter: LDAPFilter = .group,
    groupName: String = "cn", timeout: Duration = .seconds(20)
  ) throws -> LDAPDirectory.Configuration {
    try LDAPDirectory.Configuration(
      url: LDAPURL(parsing: url ?? plainURL), startTLS: startTLS,
      authorities: authorities ?? self.authorities, bindDN: bindDN,
      password: bindDN == nil ? nil : LDAPSecret(password), userBase: userBase, userFilter: userFilter,
      userName: userName, groupBase: groupBase, groupFilter: groupFilter, groupName: groupName,
      timeout: timeout)
  }

  func stop() {
    try? lifeline?.close()
    process?.waitUntilExit()
    process = nil
    lifeline = nil
  }

  private func prepare() throws {
    try makeCertificates()
    try Data(settings.utf8).write(to: directory.appending(path: "slapd.conf"))
    try Data(Self.entries(options).utf8).write(to: directory.appending(path: "entries.ldif"))
    try run(
      "/usr/sbin/slapadd", "-q", "-f", directory.appending(path: "slapd.conf").path, "-l",
      directory.appending(path: "entries.ldif").path)
  }

  private func start() throws {
    // A port that is free when it is looked for may be taken when it is used.
    for _ in 0..<5 {
      port = try Self.freePort()
      encryptedPort = try Self.freePort()
      let hasTLS = options.certificate != .none
      let process = Process()
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = [
        "-c", Self.program, "slapd", "-d", "0", "-f", directory.appending(path: "slapd.conf").path, "-h",
        [plainURL, hasTLS ? encryptedURL : nil, socketURL].compactMap { $0 }.joined(separator: " "),
      ]
      let (input, lifeline) = try Self.pipe()
      process.standardInput = input
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try Self.withoutBlockedSignals { try process.run() }
      try input.close()
      self.process = process
      self.lifeline = lifeline
      for _ in 0..<500 where process.isRunning {
        if Self.isListening(port), !hasTLS || Self.isListening(encryptedPort), process.isRunning { return }
        usleep(20_000)
      }
      stop()
    }
    throw Failure(description: "slapd does not start")
  }

  /// Runs slapd until it ends, or the standard input does.
  private static let program = """
    exec 3<&0
    /usr/sbin/slapd "$@" 3<&- &
    server=$!
    (cat <&3 >/dev/null; kill -9 $server) &
    wait $server
    """

  private var settings: String {
    let tls = """
      TLSCACertificateFile \(directory.path)/ca.pem
      TLSCertificateFile \(directory.path)/server.pem
      TLSCertificateKeyFile \(directory.path)/server.key
      TLSCipherSuite \(options.tls)
      """
    return """
      include /etc/ldap/schema/core.schema
      include /etc/ldap/schema/cosine.schema
      include /etc/ldap/schema/nis.schema
      include /etc/ldap/schema/inetorgperson.schema
      modulepath /usr/lib/ldap
      moduleload back_mdb
      \(options.hasPasswordPolicy ? "moduleload ppolicy" : "")
      pidfile \(directory.path)/pid
      sizelimit 5000
      \(options.certificate == .none ? "" : tls)
      database mdb
      suffix \(Self.base)
      rootdn cn=root,\(Self.base)
      directory \(directory.path)/data
      maxsize 67108864
      dbnosync
      index uid,member,memberUid eq
      access to attrs=userPassword by anonymous auth by * none
      access to attrs=uid
        by dn.exact="cn=blind,\(Self.base)" search
        by dn.exact="\(Self.searcher)" read
        by anonymous \(options.anonymousReads ? "read" : "none")
        by * none
      access to *
        by dn.exact="\(Self.searcher)" read
        by dn.exact="cn=blind,\(Self.base)" read
        by anonymous \(options.anonymousReads ? "read" : "auth")
        by * none
      \(options.hasPasswordPolicy ? "overlay ppolicy\nppolicy_default \"cn=policy,\(Self.base)\"" : "")

      """
  }

  private func makeCertificates() throws {
    guard options.certificate != .none else { return }
    func path(_ name: String) -> String { directory.appending(path: name).path }
    func openssl(_ arguments: String...) throws { try run("/usr/bin/openssl", arguments) }
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for authority in ["ca", "other"] {
      try run(
        "/usr/bin/openssl",
        ["req", "-x509"] + key + [
          "-keyout", path("\(authority).key"), "-out", path("\(authority).pem"), "-subj", "/CN=\(authority)",
          "-days",
          "2",
        ])
    }
    let isOther = [.otherHost, .otherHostButCommonName].contains(options.certificate)
    let commonName = options.certificate == .otherHost ? "other.example" : "127.0.0.1"
    try run(
      "/usr/bin/openssl",
      ["req"] + key + [
        "-keyout", path("server.key"), "-out", path("server.csr"), "-subj", "/CN=\(commonName)",
      ])
    try Data("subjectAltName=\(isOther ? "DNS:other.example" : "IP:127.0.0.1")".utf8)
      .write(to: directory.appending(path: "names"))
    let authority = options.certificate == .otherAuthority ? "other" : "ca"
    try openssl(
      "x509", "-req", "-in", path("server.csr"), "-CA", path("\(authority).pem"), "-CAkey",
      path("\(authority).key"),
      "-CAcreateserial", "-extfile", path("names"), "-out", path("server.pem"), "-days",
      options.certificate == .expired ? "-1" : "2")
  }

  @discardableResult
  private func run(_ path: String, _ arguments: String...) throws -> String { try run(path, arguments) }

  @discardableResult
  private func run(_ path: String, _ arguments: [String]) throws -> String {
    guard access(path, X_OK) == 0 else {
      throw Failure(description: "\(path) is missing: install slapd and openssl")
    }
    let log = directory.appending(path: "log")
    try Data().write(to: log)
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: log)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    let output = String(decoding: try Data(contentsOf: log), as: UTF8.self)
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(path) \(arguments) fails: \(output)")
    }
    return output
  }

  /// The threads of tasks block signals, a program inherits that, and a shell waits with SIGCHLD.
  private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    sigemptyset(&none)
    var former = sigset_t()
    pthread_sigmask(SIG_SETMASK, &none, &former)
    defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
    try body()
  }

  /// One that other programs, started at the same time, do not inherit, as Foundation's would be: they would keep it
  /// open.
  private static func pipe() throws -> (reading: FileHandle, writing: FileHandle) {
    var ends: [Int32] = [-1, -1]
    // Swift does not import pipe2.
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(description: "no sockets: \(errno)") }
    return (
      FileHandle(fileDescriptor: ends[0], closeOnDealloc: true),
      FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    )
  }

  private static func freePort() throws -> Int {
    let listener = try Listener()
    return listener.port
  }

  private static func isListening(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return Listener.withAddress(port: port) { connect(descriptor, $0, $1) } == 0
  }
}
