import Foundation

/// Debian's docker-registry, as a counterpart that is not ours.
struct DockerRegistryServer: Sendable {
  /// Whom it lets in.
  enum Access {
    case everybody
    /// `user` alone, with the password.
    case passwords
    /// Whoever has a token.
    case tokens(TokenServer)
  }

  let hostAndPort: String
  /// That has its data in `data`.
  let directory: String

  /// The user and password of a registry that wants some.
  static let (user, password) = ("trader", "open sesame")
  /// That user as `htpasswd -B` writes it: the password's bcrypt hash.
  private static let passwordFile = user + ":$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"

  static func with(
    _ access: Access = .everybody, _ transport: Transport = .http,
    _ body: (DockerRegistryServer) async throws -> Void
  ) async throws {
    try Tool.require(.dockerRegistry)
    try await Scratch.withDirectory("docker-registry") { directory in
      let configuration = "\(directory)/config.yml"
      let authority = try await PrivateCA.shared
      var text = """
        version: 0.1
        storage:
          filesystem:
            rootdirectory: \(directory)/data
          delete:
            enabled: true
        http:
          addr: 127.0.0.1:0

        """
      if transport == .https {
        let (certificate, key) = (authority.serverCertificate, authority.serverKey)
        text += "  tls:\n    certificate: \(certificate)\n    key: \(key)\n"
      }
      switch access {
      case .everybody: break
      case .passwords:
        text += "auth:\n  htpasswd:\n    realm: trade\n    path: \(directory)/passwords\n"
        try Data(passwordFile.utf8).write(to: URL(filePath: "\(directory)/passwords"))
      case .tokens(let server):
        text += """
          auth:
            token:
              realm: \(server.realm)
              service: \(TokenServer.service)
              issuer: \(TokenServer.issuer)
              rootcertbundle: \(authority.certificate)

          """
      }
      try Data(text.utf8).write(to: URL(filePath: configuration))
      let daemon = try await Daemon.start(
        try Tool.dockerRegistry.path(), ["serve", configuration], logIn: directory)
      try await running {
        let address = try await daemon.waitFor("its listening line") { daemon -> String? in
          guard let start = daemon.log.range(of: "listening on ") else { return nil }
          let rest = daemon.log[start.upperBound...]
          let address = rest.prefix { $0.isNumber || $0 == "." || $0 == ":" }
          return address.endIndex < rest.endIndex ? String(address) : nil
        }
        try await body(DockerRegistryServer(hostAndPort: address, directory: directory))
      } finally: {
        await daemon.stop()
      }
    }
  }
}
