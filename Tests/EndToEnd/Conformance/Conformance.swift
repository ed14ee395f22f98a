import Foundation
import Testing

/// What the OCI distribution specification asks of a registry, of the built binary and endpoint by endpoint.
///
/// Doc comments name the section of the specification's `spec.md` and its endpoint, as "end-2". The tests
/// cover what the specification's own conformance program checks, and beside it the rules that the program
/// leaves out. They share one server and run in parallel; each has repositories of its own.
@Suite("Conformance", .server())
enum ConformanceTests {}

/// One server for all tests of a suite, which starts before the first and ends after the last of them.
struct SharedServer: SuiteTrait, TestScoping {
  struct Missing: Error, CustomStringConvertible {
    var description: String { "the test belongs to no suite with the trait .server()" }
  }

  /// The server of the suite whose test is running.
  @TaskLocal private static var running: KontorProcess?

  /// Keys of the server's configuration, as environment variables.
  var environment: [String: String]

  /// - Throws: `Missing`
  static var kontor: KontorProcess {
    get throws {
      guard let running else { throw Missing() }
      return running
    }
  }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await KontorProcess.with(.init(environment: environment)) { kontor in
      try await Self.$running.withValue(kontor) { try await function() }
    }
  }
}

extension Trait where Self == SharedServer {
  /// The suite's tests share a server with these configuration keys.
  static func server(_ environment: [String: String] = [:]) -> Self { SharedServer(environment: environment) }
}
