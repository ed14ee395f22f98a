// The Debian packages these tests need: bsdutils busybox-static coreutils gnupg libc-bin lxc runc systemd-container util-linux
//
// A test whose program is missing fails and names the package. The tests that start containers run as root.

import Foundation

/// A program from Debian that a test runs.
struct Program: Sendable {
  let name: String
  let package: String

  static let busybox = Program(name: "busybox", package: "busybox-static")
  static let cp = Program(name: "cp", package: "coreutils")
  static let getent = Program(name: "getent", package: "libc-bin")
  static let gpg = Program(name: "gpg", package: "gnupg")
  static let gpgconf = Program(name: "gpgconf", package: "gpgconf")
  static let ldd = Program(name: "ldd", package: "libc-bin")
  static let lxcExecute = Program(name: "lxc-execute", package: "lxc")
  static let lxcStart = Program(name: "lxc-start", package: "lxc")
  static let nspawn = Program(name: "systemd-nspawn", package: "systemd-container")
  static let runc = Program(name: "runc", package: "runc")
  static let script = Program(name: "script", package: "bsdutils")
  static let setpriv = Program(name: "setpriv", package: "util-linux")

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  func path() throws -> String {
    for directory in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] {
      let candidate = "\(directory)/\(name)"
      if access(candidate, X_OK) == 0 { return candidate }
    }
    throw Failure(description: "\(name) is not installed: apt-get install \(package)")
  }

  /// Runs it to its end and returns what it wrote; throws unless it exits with 0.
  ///
  /// Output goes to files, so that one that leaves a child behind with its descriptors open is still seen to
  /// end.
  @discardableResult
  func run(_ arguments: String..., in directory: String = "/") async throws -> String {
    try await run(arguments, in: directory)
  }

  @discardableResult
  func run(_ arguments: [String], in directory: String = "/") async throws -> String {
    let program = try path()
    return try await withDirectory { scratch in
      let process = Process()
      process.executableURL = URL(filePath: program)
      process.arguments = arguments
      process.currentDirectoryURL = URL(filePath: directory)
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try file(scratch + "/output")
      process.standardError = try file(scratch + "/error")
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        process.terminationHandler = { _ in continuation.resume() }
        do {
          try process.run()
        } catch {
          process.terminationHandler = nil
          continuation.resume(throwing: error)
        }
      }
      let output = try String(contentsOfFile: scratch + "/output", encoding: .utf8)
      guard process.terminationReason == .exit, process.terminationStatus == 0 else {
        let errors = try String(contentsOfFile: scratch + "/error", encoding: .utf8)
        throw Failure(
          description: """
            \(name) \(arguments.joined(separator: " "))
            ended with \(process.terminationStatus)
            \(errors)
            \(output)
            """)
      }
      return output
    }
  }

  private func file(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw Failure(description: "cannot make \(path)")
    }
    return try FileHandle(forWritingTo: URL(filePath: path))
  }
}
