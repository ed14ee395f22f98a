import Foundation
import Testing

/// A server that asks who its clients are: alice, of the group `dev`, and bob, with rules of the test's.
struct AccessServer {
  let kontor: KontorProcess
  /// The directory of the rules.
  let directory: String

  static let passwords = ["alice": "alice's password", "bob": "bob's password"]

  /// What most tests go by: everybody pulls what is public, alice's group does all below `trade`, bob pulls there.
  static let rules = """
    {"rules": [
      {"repositories": ["**"], "who": ["user:root"], "actions": ["pull", "push", "delete", "sign", "admin"]},
      {"repositories": ["public/**"], "who": ["everyone"], "actions": ["pull"]},
      {"repositories": ["trade/**"], "who": ["group:dev"], "actions": ["pull", "push", "delete"]},
      {"repositories": ["trade/**"], "who": ["user:bob"], "actions": ["pull"]}
    ]}
    """

  static func with(
    rules: String = Self.rules, _ environment: [String: String] = [:],
    _ body: (AccessServer) async throws -> Void
  ) async throws {
    try await Scratch.withDirectory("access") { directory in
      let data = "\(directory)/data"
      try Data(rules.utf8).write(to: URL(filePath: "\(directory)/rules.json"))
      // Before there is a server.
      try await administer(
        ["user", "add", "alice", "--group", "dev", "--password-stdin", "--data", data],
        input: passwords["alice"])
      try await administer(
        ["user", "add", "root", "--password-stdin", "--data", data], input: "root's password")
      var settings = KontorProcess.Settings(data: data)
      settings.environment = ["KONTOR_ACCESS_RULES": "\(directory)/rules.json"]
      settings.environment.merge(environment) { $1 }
      try await KontorProcess.with(settings) { kontor in
        // And with one that runs.
        try await administer(
          ["user", "add", "bob", "--password-stdin", "--data", data], input: passwords["bob"])
        try await body(AccessServer(kontor: kontor, directory: directory))
      }
    }
  }

  /// Runs a command for users or tokens.
  /// - Returns: its standard output without the line's end.
  @discardableResult
  static func administer(_ arguments: [String], input: String? = nil) async throws -> String {
    let result = try await KontorCommand.run(arguments, environment: [:], input: Data((input ?? "").utf8))
    guard result.exit == .code(0) else { throw KontorClient.Failure(arguments: arguments, result: result) }
    return result.output.trimmingCharacters(in: .newlines)
  }

  @discardableResult
  func administer(_ arguments: String..., input: String? = nil) async throws -> String {
    try await Self.administer(arguments + ["--data", kontor.data], input: input)
  }

  /// The header of a user who sends the password with each request.
  static func basic(_ user: String, _ password: String? = nil) -> [String: String] {
    let password = password ?? passwords[user] ?? "\(user)'s password"
    return ["Authorization": "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()]
  }

  /// A token as Docker's clients get one; nil for nobody's.
  func token(_ user: String?, _ scopes: String...) async throws -> String {
    struct Answer: Decodable { let token: String }
    let query = scopes.map { "scope=\($0)" }.joined(separator: "&")
    let answer = try await PlainHTTP(kontor.endpoint).send(
      "GET", "/token?service=x&\(query)", headers: user.map { Self.basic($0) } ?? [:])
    return try JSONDecoder().decode(Answer.self, from: answer.body).token
  }

  /// The header of whoever has such a token.
  func bearer(_ user: String?, _ scopes: String...) async throws -> [String: String] {
    var headers: [String: String] = [:]
    headers["Authorization"] = "Bearer " + (try await token(user, scopes.joined(separator: "%20")))
    return headers
  }
}
