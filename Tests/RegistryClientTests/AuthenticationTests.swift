import ContainerImage
import ImageTransfer
import Synchronization
import Testing

@testable import RegistryClient

@Suite("authentication", .serialized)
struct AuthenticationTests {
  typealias Answer = ScriptedRegistry.Answer

  private static let index =
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#

  /// A registry whose tokens are good for `uses` requests, with its token service at `/token`.
  private static func bearer(uses: Int) -> @Sendable (ScriptedRegistry.Request) -> Answer {
    let left = Mutex(0)
    let number = Mutex(0)
    return { request in
      if request.path == "/token" {
        left.withLock { $0 = uses }
        let name = number.withLock { number in
          number += 1
          return number
        }
        return .json(200, #"{"token":"t\#(name)","expires_in":300}"#)
      }
      let expected = number.withLock { "Bearer t\($0)" }
      let isGood =
        request.headers["authorization"] == expected
        && left.withLock { left in
          left -= 1
          return left >= 0
        }
      if isGood { return .json(200, index) }
      let host = request.headers["host"] ?? ""
      let challenge = #"Bearer realm="http://\#(host)/token",service="s",scope="repository:trade/hello:pull""#
      return Answer(status: 401, headers: [("WWW-Authenticate", challenge)])
    }
  }

  private func repository(
    _ server: ScriptedRegistry, _ credentials: Credentials, _ operation: RegistryOperation = .pullByTag
  ) throws -> RemoteRepository {
    try RegistryClient.forTests { $0.credentials = credentials }.repository(
      ImageReference(parsing: "\(server.host)/trade/hello:v1"), for: operation)
  }

  @Test func aTokenIsFetchedOnceAndUsedAgain() async throws {
    try await ScriptedRegistry.with(Self.bearer(uses: 100)) { server in
      let repository = try repository(server, .anonymous)
      for _ in 1...3 { _ = try repository.manifest() }
      #expect(
        server.requests.map(\.path) == [
          "/v2/trade/hello/manifests/v1", "/token", "/v2/trade/hello/manifests/v1",
          "/v2/trade/hello/manifests/v1", "/v2/trade/hello/manifests/v1",
        ])
      #expect(server.requests[1].target == "/token?service=s&scope=repository%3Atrade%2Fhello%3Apull")
      #expect(server.requests[1].headers["authorization"] == nil)
    }
  }

  @Test func aTokenThatIsNoLongerTakenIsRenewed() async throws {
    try await ScriptedRegistry.with(Self.bearer(uses: 1)) { server in
      let repository = try repository(server, .anonymous)
      for _ in 1...3 { _ = try repository.manifest() }
      #expect(server.requests.filter { $0.path == "/token" }.count == 3)
    }
  }

  @Test func aPasswordGoesToTheTokenServiceAndNotToTheRegistry() async throws {
    try await ScriptedRegistry.with(Self.bearer(uses: 100)) { server in
      _ = try repository(server, .password(username: "me", password: Secret("word")), .push).manifest()
      #expect(
        server.requests.map { $0.headers["authorization"] } == [nil, "Basic bWU6d29yZA==", "Bearer t1"])
      #expect(server.requests[1].target.hasSuffix("scope=repository%3Atrade%2Fhello%3Apull%2Cpush"))
    }
  }

  @Test func anIdentityTokenIsExchangedByPOST() async throws {
    try await ScriptedRegistry.with(Self.bearer(uses: 100)) { server in
      _ = try repository(server, .identityToken(Secret("id&token"))).manifest()
      #expect(server.requests[1].method == "POST")
      let body = String(decoding: server.requests[1].body, as: UTF8.self)
      #expect(body.contains("grant_type=refresh_token") && body.contains("refresh_token=id%26token"))
      #expect(server.requests[1].headers["content-type"] == "application/x-www-form-urlencoded")
    }
  }

  @Test(arguments: [nil, "Basic realm=x", "Digest realm=x", "Negotiate"] as [String?])
  func whoHasNoCredentialsIsDenied(challenge: String?) async throws {
    try await ScriptedRegistry.with { _ in
      .init(status: 401, headers: challenge.map { [("WWW-Authenticate", $0)] } ?? [])
    } _: { server in
      let error = #expect(throws: TransferError.self) { _ = try repository(server, .anonymous).manifest() }
      guard case .denied(let reason)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("kontor login"))
      #expect(server.requests.count == 1)
    }
  }

  @Test func credentialsThatAreRefusedAreNotShownAgain() async throws {
    try await ScriptedRegistry.with { _ in
      .init(status: 401, headers: [("WWW-Authenticate", "Basic realm=x")])
    } _: { server in
      let wrong = Credentials.password(username: "me", password: Secret("wrong"))
      let error = #expect(throws: TransferError.self) { _ = try repository(server, wrong).manifest() }
      guard case .denied(let reason)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(!reason.contains("wrong"))
      #expect(server.requests.count == 2)
    }
  }

  @Test func aTokenServiceThatRefusesIsNamed() async throws {
    try await ScriptedRegistry.with { request in
      request.path == "/token"
        ? .json(401, #"{"errors":[{"code":"UNAUTHORIZED","message":"no such user"}]}"#)
        : .init(
          status: 401,
          headers: [("WWW-Authenticate", "Bearer realm=\"http://\(request.headers["host"] ?? "")/token\"")])
    } _: { server in
      let error = #expect(throws: TransferError.self) { _ = try repository(server, .anonymous).manifest() }
      guard case .denied(let reason)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("no such user"))
    }
  }
}
