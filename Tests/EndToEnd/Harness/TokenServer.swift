import Crypto
import Foundation
import Synchronization

/// A token service as distribution's "Token Authentication" describes it, whose tokens are signed with the run's certificate: everybody
/// may pull, one user may push.
final class TokenServer: Sendable {
  static let issuer = "harbour master"
  static let service = "trade"

  let port: Int
  private let listener: Int32
  private let user: String
  private let password: String
  private let key: P256.Signing.PrivateKey
  /// In DER, as base64.
  private let certificate: String
  private let log = Mutex<[String]>([])

  /// Runs `body` with a token service that knows one user; it ends with `body`.
  static func with<Result>(
    user: String, password: String, _ body: (TokenServer) async throws -> Result
  ) async throws -> Result {
    let server = try TokenServer(user: user, password: password, try await PrivateCA.shared)
    defer { server.stop() }
    return try await body(server)
  }

  private init(user: String, password: String, _ authority: PrivateCA) throws {
    self.user = user
    self.password = password
    key = try P256.Signing.PrivateKey(
      pemRepresentation: String(contentsOfFile: authority.serverKey, encoding: .utf8))
    certificate = try String(contentsOfFile: authority.serverCertificate, encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    (listener, port) = try LoopbackListener.open()
    let listener = listener
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        serve(connection)
        close(connection)
      }
    }
  }

  private func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var realm: String { "http://127.0.0.1:\(port)/token" }

  /// What was asked: the user, or `-`, and the scopes.
  var requests: [String] { log.withLock { $0 } }

  private func serve(_ connection: Int32) {
    var request = ""
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while !request.contains("\r\n\r\n") {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      request += String(decoding: buffer[..<count], as: UTF8.self)
    }
    let body = answer(request)
    let status = body == nil ? "401 Unauthorized" : "200 OK"
    let text = body ?? #"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#
    let response =
      "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n"
      + "Connection: close\r\n\r\n\(text)"
    _ = Array(response.utf8).withUnsafeBytes {
      send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
  }

  /// - Returns: nil for a user that is not known.
  private func answer(_ request: String) -> String? {
    let lines = request.components(separatedBy: "\r\n")
    let target = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
    let items = URLComponents(string: target)?.queryItems ?? []
    let scopes = items.filter { $0.name == "scope" }.compactMap(\.value)
    var isUser = false
    if let line = lines.first(where: { $0.lowercased().hasPrefix("authorization: basic ") }) {
      let text = line.split(separator: " ").last.flatMap { Data(base64Encoded: String($0)) }
      guard text == Data("\(user):\(password)".utf8) else { return nil }
      isUser = true
    }
    log.withLock { $0.append("\(isUser ? user : "-") \(scopes.joined(separator: " "))") }
    return (try? token(scopes, isUser: isUser)).map { #"{"token":"\#($0)","expires_in":300}"# }
  }

  private struct Header: Encodable {
    var typ = "JWT"
    var alg = "ES256"
    var x5c: [String]
  }

  private struct Claims: Encodable {
    struct Access: Encodable {
      var type: String
      var name: String
      var actions: [String]
    }
    var iss = TokenServer.issuer
    var aud = TokenServer.service
    var sub: String
    var exp: Int
    var nbf: Int
    var iat: Int
    var jti = UUID().uuidString
    var access: [Access]
  }

  private func token(_ scopes: [String], isUser: Bool) throws -> String {
    let access = scopes.compactMap { scope -> Claims.Access? in
      let parts = scope.split(separator: ":").map(String.init)
      guard parts.count == 3 else { return nil }
      let actions = parts[2].split(separator: ",").map(String.init).filter { isUser || $0 == "pull" }
      return Claims.Access(type: parts[0], name: parts[1], actions: actions)
    }
    let now = Int(Date.now.timeIntervalSince1970)
    let claims = Claims(
      sub: isUser ? user : "", exp: now + 300, nbf: now - 60, iat: now, access: access)
    let encoder = JSONEncoder()
    let signed = try [encoder.encode(Header(x5c: [certificate])), encoder.encode(claims)]
      .map(Self.base64URL).joined(separator: ".")
    let signature = try key.signature(for: Data(signed.utf8)).rawRepresentation
    return "\(signed).\(Self.base64URL(signature))"
  }

  private static func base64URL(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
