// The Debian package these tests need: gnupg

import Foundation
import Trust

/// GnuPG with a home directory of its own, which goes with its agent when `use` is done.
struct GnuPG {
  static let program = "/usr/bin/gpg"
  let home: String

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func use<Result>(_ body: (GnuPG) throws -> Result) throws -> Result {
    guard access(program, X_OK) == 0 else {
      throw Failure(description: "gpg is not installed: apt-get install gnupg")
    }
    // A short path: the agent's socket is in it.
    let home = "/tmp/kontor-gpg-\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(
      atPath: home, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let gpg = GnuPG(home: home)
    defer {
      _ = try? gpg.runProgram("/usr/bin/gpgconf", ["--homedir", home, "--kill", "all"])
      // The agent may be ending still, and removes its sockets.
      for _ in 0..<1000 where FileManager.default.fileExists(atPath: home) {
        if (try? FileManager.default.removeItem(atPath: home)) == nil { usleep(10_000) }
      }
    }
    return try body(gpg)
  }

  /// Runs gpg with files in its home directory as its current one.
  /// - Parameter time: what it takes for the present.
  @discardableResult
  func run(_ arguments: String..., at time: Date? = nil, input: String = "") throws -> [UInt8] {
    var all = ["--homedir", home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback"]
    if !arguments.contains("--passphrase") { all += ["--passphrase", ""] }
    if let time { all += ["--faked-system-time", "\(Int(time.timeIntervalSince1970))!"] }
    return try runProgram(Self.program, all + arguments, input: input)
  }

  /// Runs a program, with files in the home directory as its current one.
  func runProgram(
    _ path: String, _ arguments: [String], input: String = "", environment: [String: String]? = nil
  ) throws -> [UInt8] {
    let name = home + "/run-\(UInt32.random(in: .min ... .max))"
    for (file, text) in [(".out", ""), (".err", ""), (".in", input)] {
      try Data(text.utf8).write(to: URL(filePath: name + file))
    }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    if let environment { process.environment = environment }
    process.currentDirectoryURL = URL(filePath: home)
    process.standardInput = try FileHandle(forReadingFrom: URL(filePath: name + ".in"))
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: name + ".out"))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: name + ".err"))
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(
        description: "\(path) \(arguments.joined(separator: " ")): "
          + String(decoding: try read(name + ".err"), as: UTF8.self))
    }
    return try read(name + ".out")
  }

  /// - Parameter name: of a file in the home directory, or a path.
  func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: name.hasPrefix("/") ? name : home + "/" + name)))
  }

  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
    try Data(bytes).write(to: URL(filePath: home + "/" + name))
  }

  /// Makes a key without passphrase that can sign.
  /// - Returns: its fingerprint.
  @discardableResult
  func makeKey(
    _ user: String, _ algorithm: String = "ed25519", usage: String = "sign", expire: String = "never",
    at time: Date? = nil, passphrase: String = ""
  ) throws -> OpenPGPFingerprint {
    try run(
      "--passphrase", passphrase, "--quick-generate-key", user, algorithm, usage, expire, at: time)
    return try fingerprint(user)
  }

  /// Of the user's primary key, or of a part of it.
  func fingerprint(_ user: String, part: Int = 0) throws -> OpenPGPFingerprint {
    let listing = String(decoding: try run("--with-colons", "--list-keys", user), as: UTF8.self)
    let fingerprints = listing.split(separator: "\n").filter { $0.hasPrefix("fpr:") }
      .map { $0.split(separator: ":", omittingEmptySubsequences: false)[9] }
    return try OpenPGPFingerprint(parsing: String(fingerprints[part]))
  }

  func keyring(_ users: String..., at time: Date = now) throws -> OpenPGPKeyring {
    var keyring = OpenPGPKeyring()
    for user in users { keyring.add(try OpenPGPKeyring(parsing: try run("--export", user), at: time)) }
    return keyring
  }

  /// A detached signature, over a file of this content.
  func sign(
    _ content: [UInt8] = content, by user: String, _ options: String..., armor: Bool = false,
    at time: Date? = nil
  ) throws -> [UInt8] {
    try write("content", content)
    var all = ["--homedir", home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback"]
    if let time { all += ["--faked-system-time", "\(Int(time.timeIntervalSince1970))!"] }
    all += armor ? ["--armor"] : []
    all += options + ["-u", user, "-o", "content.sig", "--detach-sign", "content"]
    _ = try runProgram(Self.program, all)
    return try read("content.sig")
  }
}

/// Later than the machine's clock, which GnuPG goes by where it is not told another time.
let now = Date(timeIntervalSince1970: 2_500_000_000)
let day = 86400.0
let content: [UInt8] = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

/// Reads from an array, in pieces of uneven length.
func reader(_ bytes: [UInt8] = content) -> (UnsafeMutableRawBufferPointer) throws -> Int {
  var position = 0
  return { buffer in
    let count = min(buffer.count, bytes.count - position, 1 + position % 7919)
    buffer.copyBytes(from: bytes[position..<(position + count)])
    position += count
    return count
  }
}

/// A packet of binary OpenPGP data (RFC 4880, section 4.2).
struct Packet {
  let tag: UInt8
  let range: Range<Int>
  let headerLength: Int

  static func split(_ bytes: [UInt8]) throws -> [Packet] {
    var packets: [Packet] = []
    var position = 0
    while position < bytes.count {
      let header = bytes[position]
      let tag: UInt8
      let length: Int
      let headerLength: Int
      if header & 0x40 != 0 {
        tag = header & 0x3f
        let first = Int(bytes[position + 1])
        if first < 192 {
          (length, headerLength) = (first, 2)
        } else {
          (length, headerLength) = ((first - 192) << 8 + Int(bytes[position + 2]) + 192, 3)
        }
      } else {
        tag = header >> 2 & 0xf
        let count = 1 << Int(header & 3)
        length = bytes[(position + 1)...].prefix(count).reduce(0) { $0 << 8 + Int($1) }
        headerLength = 1 + count
      }
      let end = position + headerLength + length
      guard end <= bytes.count else { throw GnuPG.Failure(description: "a packet is cut off") }
      packets.append(Packet(tag: tag, range: position..<end, headerLength: headerLength))
      position = end
    }
    return packets
  }
}

extension OpenPGPVerdict {
  var good: OpenPGPSignature? { if case .good(let signature) = self { signature } else { nil } }
  var refusals: [OpenPGPRefusal] { if case .bad(let refusals) = self { refusals } else { [] } }
}
