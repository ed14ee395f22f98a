import Foundation
import Testing

/// How clients reach the registry.
enum Transport: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case http, https
  var testDescription: String { self == .http ? "HTTP" : "TLS with a private CA" }
}

/// Where a running registry listens, and what a client must trust to use it.
struct Endpoint: Sendable {
  var transport: Transport
  var host: String
  var port: Int
  var authority: PrivateCA

  /// `host:port`, the first part of an image's reference.
  var hostAndPort: String { "\(host):\(port)" }

  func url(_ path: String) -> String { "\(transport.rawValue)://\(hostAndPort)\(path)" }

  /// `docker://host:port/name`, with `:tag` or `@digest` as given.
  func docker(_ reference: String) -> String { "docker://\(hostAndPort)/\(reference)" }

  /// `host:port/name`, with `:tag` or `@digest` as given.
  func reference(_ name: String) -> String { "\(hostAndPort)/\(name)" }

  /// The flags with which skopeo and podman trust this registry; `side` is skopeo's `src-` or `dest-`.
  func trustFlags(side: String = "") -> [String] {
    switch transport {
    case .http: ["--\(side)tls-verify=false"]
    case .https: ["--\(side)cert-dir", authority.clientDirectory]
    }
  }
}
