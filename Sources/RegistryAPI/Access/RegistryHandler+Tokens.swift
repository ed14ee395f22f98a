import Access
import ContainerImage
import FoundationEssentials
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry

extension RegistryHandler {
  /// Bytes of the form that a client sends.
  private static let largestForm = 64 << 10

  /// Forms, and the queries that Go's programs make, have a `+` for a space.
  private static func form(_ text: String) -> String { text.replacing("+", with: "%20") }

  /// Docker's token endpoint: GET (token.md), and POST in the manner of OAuth 2 (oauth.md).
  /// - Returns: nil if tokens come from elsewhere.
  func token(_ request: HTTPRequest) -> HTTPAnswer? {
    guard request.path == "/token", let gate, gate.access.issuesTokens else { return nil }
    switch request.method {
    case .GET: return deferred(request) { [self] in try await tokenByPassword(request, gate) }
    case .POST: return deferred(request) { [self] in try await tokenByForm(request, gate) }
    default:
      return .response(WireError.notAllowed(request.method, but: "GET, POST").response)
    }
  }

  private func tokenByPassword(_ request: HTTPRequest, _ gate: Gatekeeper) async throws -> HTTPResponse {
    guard let query = QueryItems(Self.form(request.query)) else {
      throw WireError(.badRequest, .unsupported, "the query is not validly encoded")
    }
    let caller: Caller
    switch gate.entry(request) {
    case .caller(let known): caller = known
    case .refused(let error): throw error
    case .unknown(let credentials, let header):
      caller = try await gate.login(credentials, header: header, request)
    }
    return try await answer(
      caller, query.all("scope"), wantsRefresh: query["offline_token"] == "true", gate)
  }

  private func tokenByForm(_ request: HTTPRequest, _ gate: Gatekeeper) async throws -> HTTPResponse {
    let body = try await request.body.collect(upTo: Self.largestForm)
    guard let form = QueryItems(Self.form(String(buffer: body))) else {
      throw WireError(.badRequest, .unsupported, "the form is not validly encoded")
    }
    let caller: Caller
    switch form["grant_type"] {
    case "password":
      guard let user = form["username"], let password = form["password"] else {
        throw WireError(.badRequest, .unsupported, "the form lacks username or password")
      }
      let header = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
      caller = try await gate.login(.basic(user: user, password: password), header: header, request)
    case "refresh_token":
      guard let refresh = form["refresh_token"],
        let known = try await gate.access.caller(refreshing: refresh)
      else {
        throw WireError(.unauthorized, .unauthorized, "the refresh token is unknown or expired: log in again")
      }
      caller = known
    case Self.tokenExchange:
      return try await tokenByExchange(request, form, gate)
    default:
      throw WireError(
        .badRequest, .unsupported,
        "the form's grant_type is none of password, refresh_token and \(Self.tokenExchange)")
    }
    return try await answer(
      caller, form.all("scope"), wantsRefresh: form["access_type"] == "offline", gate)
  }

  private static let tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
  /// RFC 8693, section 3.
  private static let tokenTypes = ["id_token", "jwt"].map { "urn:ietf:params:oauth:token-type:\($0)" }

  /// An ID token of another system for one of this registry (RFC 8693, section 2.1).
  private func tokenByExchange(
    _ request: HTTPRequest, _ form: QueryItems, _ gate: Gatekeeper
  ) async throws -> HTTPResponse {
    guard let subject = form["subject_token"], let type = form["subject_token_type"],
      Self.tokenTypes.contains(type)
    else {
      throw WireError(
        .badRequest, .unsupported,
        "the form lacks subject_token, or subject_token_type is none of "
          + Self.tokenTypes.joined(separator: " and "))
    }
    let scopes = form.all("scope")
    guard scopes.contains(where: { !$0.isEmpty }) else {
      throw WireError(
        .badRequest, .unsupported,
        "the form lacks scope: say what the token is for, such as repository:team/app:pull,push")
    }
    let caller = try gate.caller(of: try await gate.access.exchange(subject, at: Date()), headers: [:])
    request.sender = caller.name
    return try await answer(caller, scopes, wantsRefresh: false, isExchanged: true, gate)
  }

  private func answer(
    _ caller: Caller, _ texts: [String], wantsRefresh: Bool, isExchanged: Bool = false, _ gate: Gatekeeper
  ) async throws -> HTTPResponse {
    var scopes: [TokenScope] = []
    do {
      for text in texts { scopes += try TokenScope.list(parsing: text) }
    } catch {
      throw WireError(.badRequest, .unsupported, "the parameter scope: \(error)")
    }
    let issued = try await gate.access.token(for: caller, scopes, isExchanged: isExchanged, at: Date())
    let refresh = wantsRefresh ? try await gate.access.refreshToken(for: caller, at: Date()) : nil
    var json = JSONText()
    json.object { json in
      json.member("token", issued.token)
      json.member("access_token", issued.token)
      if isExchanged {
        json.member("issued_token_type", Self.tokenTypes[1])
        json.member("token_type", "Bearer")
      }
      json.member("scope", issued.scopes.map(\.description).joined(separator: " "))
      json.member("expires_in", issued.lifetime)
      json.member("issued_at", issued.issuedAt.formatted(.iso8601))
      if let refresh { json.member("refresh_token", refresh) }
    }
    return HTTPResponse(
      status: .ok, headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
      body: .bytes(json.buffer))
  }
}
