import Foundation
import Testing

/// A server between clients and the registry, as `deploy/` has it configured, with other names, ports and paths.
enum ReverseProxy: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case nginx, caddy
  var testDescription: String { self == .nginx ? "nginx" : "Caddy" }

  /// Runs `body` with a proxy that speaks TLS at `host`, before the registry at `target`. It has a MiB for files of its own: a body
  /// that does not go straight through it does not fit.
  func with(
    before target: Endpoint, at host: String, _ body: (Endpoint) async throws -> Void
  ) async throws {
    try Tool.require(.nginx, .caddy)
    try await Mounts.withTmpfs(size: "1m") { directory in
      let endpoint = Endpoint(
        transport: .https, host: host, port: try LoopbackListener.unusedPort(), authority: target.authority)
      let arguments =
        switch self {
        case .nginx: try nginx(endpoint, target, in: directory)
        case .caddy: try caddy(endpoint, target, in: directory)
        }
      let tool: Tool = self == .nginx ? .nginx : .caddy
      try await Scratch.withDirectory("proxy") { logs in
        let daemon = try await Daemon.start(
          try tool.path(), arguments,
          environment: ["XDG_DATA_HOME": directory, "XDG_CONFIG_HOME": directory],
          logIn: logs)
        try await running {
          try await daemon.waitFor("answering") { _ in
            (try? await Curl(endpoint: endpoint).send("GET", "/v2/"))?.status == 200 ? true : nil
          }
          try await body(endpoint)
        } finally: {
          await daemon.stop()
        }
      }
    }
  }

  private func nginx(_ own: Endpoint, _ target: Endpoint, in directory: String) throws -> [String] {
    let site = try DeployFile.text(
      "nginx.conf",
      replacing: [
        ("listen 443 ", "listen \(own.hostAndPort) "), ("    listen [::]:443 ssl http2;\n", ""),
        ("server 127.0.0.1:5000;", "server \(target.hostAndPort);"),
        ("/etc/ssl/registry.example.com.crt", own.authority.serverCertificate),
        ("/etc/ssl/private/registry.example.com.key", own.authority.serverKey),
      ])
    let main = """
      daemon off;
      user root;
      pid \(directory)/pid;
      events {}
      http {
          access_log off;
          client_body_temp_path \(directory)/body;
          proxy_temp_path \(directory)/proxy;
          include \(directory)/kontor.conf;
      }
      """
    try Data(site.utf8).write(to: URL(filePath: "\(directory)/kontor.conf"))
    try Data(main.utf8).write(to: URL(filePath: "\(directory)/nginx.conf"))
    return ["-e", "stderr", "-c", "\(directory)/nginx.conf"]
  }

  private func caddy(_ own: Endpoint, _ target: Endpoint, in directory: String) throws -> [String] {
    let certificate = "tls \(own.authority.serverCertificate) \(own.authority.serverKey)"
    let site = try DeployFile.text(
      "Caddyfile",
      replacing: [
        ("registry.example.com {", "https://\(own.hostAndPort) {\n\t\(certificate)"),
        ("127.0.0.1:5000", target.hostAndPort),
      ])
    let global = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    try Data((global + site).utf8).write(to: URL(filePath: "\(directory)/Caddyfile"))
    return ["run", "--config", "\(directory)/Caddyfile", "--adapter", "caddyfile"]
  }
}
