import Foundation
import Testing

/// A provider of OpenID Connect, made with Authlib, that gives ID tokens with whatever claims a test wants. Each one has a key of its own.
struct OpenIDProvider: Sendable {
  let port: Int
  let daemon: Daemon

  var issuer: String { "http://127.0.0.1:\(port)" }
  private var http: PlainHTTP {
    get async throws {
      PlainHTTP(
        Endpoint(transport: .http, host: "127.0.0.1", port: port, authority: try await PrivateCA.shared))
    }
  }

  /// - Parameters:
  ///   - port: of one that was there before; nil for another.
  ///   - lifetime: of ID tokens, in seconds.
  static func with(
    port: Int? = nil, lifetime: Int = 3600, _ body: (OpenIDProvider) async throws -> Void
  ) async throws {
    let port = try port ?? LoopbackListener.unusedPort()
    try await Scratch.withDirectory("openid") { directory in
      let daemon = try await Daemon.start(
        try Self.python, ["-m", "oidc_provider_mock", "--port", "\(port)", "--token-max-age", "\(lifetime)"],
        environment: ["PATH": "/usr/bin:/bin", "NO_COLOR": "1"], logIn: directory)
      let provider = OpenIDProvider(port: port, daemon: daemon)
      try await running {
        try await daemon.waitFor("answering") { _ in
          (try? await provider.http.send("GET", "/jwks"))?.status == 200 ? true : nil
        }
        try await body(provider)
      } finally: {
        await daemon.kill()
      }
    }
  }

  private static var python: String {
    get throws {
      let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      return ProcessInfo.processInfo.environment["KONTOR_TEST_PYTHON"]
        ?? tests.deletingLastPathComponent().appending(path: ".venv-tests/bin/python").path
    }
  }

  /// An ID token, by the authorization code flow (OpenID Connect Core 1.0, section 3.1).
  /// - Parameters:
  ///   - subject: of the token.
  ///   - claims: others that it has.
  func token(_ subject: String, _ claims: [String: String], for audience: String) async throws -> String {
    let http = try await http
    let form = ["Content-Type": "application/x-www-form-urlencoded"]
    let stored = try await http.send(
      "PUT", "/users/\(subject)", headers: ["Content-Type": "application/json"],
      body: try JSONEncoder().encode(claims))
    #expect(stored.status == 204, "\(String(decoding: stored.body, as: UTF8.self))")
    let client = audience.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? audience
    let place = "http%3A%2F%2Flocalhost%2Fdone"
    let asked = try await http.send(
      "POST", "/oauth2/authorize?response_type=code&scope=openid&client_id=\(client)&redirect_uri=\(place)",
      headers: form, body: Data("sub=\(subject)".utf8))
    let location = try #require(asked["location"], "\(String(decoding: asked.body, as: UTF8.self))")
    let code = try #require(location.firstMatch(of: #/[?&]code=([^&]+)/#)?.1)
    let answer = try await http.send(
      "POST", "/oauth2/token", headers: form,
      body: Data(
        "grant_type=authorization_code&code=\(code)&redirect_uri=\(place)&client_id=\(client)&client_secret=x"
          .utf8)
    )
    struct Tokens: Decodable {
      let idToken: String
      enum CodingKeys: String, CodingKey { case idToken = "id_token" }
    }
    return try JSONDecoder().decode(Tokens.self, from: answer.body).idToken
  }
}
