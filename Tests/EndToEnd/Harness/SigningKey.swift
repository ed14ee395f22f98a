import Foundation
import Testing

/// A key pair of GnuPG's, in a home of its own.
struct SigningKey {
  let home: String
  static let owner = "test@example.com"
  /// The secret key's file.
  let secret: String

  /// Runs `body` with a new key.
  static func with(_ body: (SigningKey) async throws -> Void) async throws {
    try Tool.require(.gpg)
    try await Scratch.withDirectory("gpg") { home in
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: home)
      let key = SigningKey(home: home, secret: "\(home)/secret.asc")
      try await running {
        // Old enough for signatures of long ago.
        try await key.gpg(
          "--faked-system-time", "1600000000!", "--passphrase", "", "--quick-generate-key",
          Self.owner, "ed25519", "sign", "0")
        try await key.gpg("--armor", "--output", key.secret, "--export-secret-keys")
        try await body(key)
      } finally: {
        _ = try? await Command(
          tool: .gpgconf, arguments: ["--kill", "all"], environment: ["GNUPGHOME": home]
        ).attempt()
      }
    }
  }

  @discardableResult
  private func gpg(_ arguments: String..., input: Data? = nil) async throws -> Data {
    try await Command(
      tool: .gpg, arguments: ["--batch", "--quiet", "--pinentry-mode", "loopback"] + arguments,
      environment: ["GNUPGHOME": home], input: input
    ).run().standardOutput
  }

  func sign(_ content: Data) async throws -> Data {
    try await gpg("--armor", "--detach-sign", input: content)
  }

  /// A signature that was good for a second, long ago.
  func signLongAgo(_ content: Data) async throws -> Data {
    try await gpg(
      "--armor", "--faked-system-time", "1700000000!", "--default-sig-expire", "seconds=1", "--detach-sign",
      input: content)
  }

  func publicKey() async throws -> Data { try await gpg("--armor", "--export") }

  /// Puts the public key where rkt has those that it trusts for a prefix.
  func trust(for prefix: String, in directory: String) async throws {
    let place = "\(directory)/prefix.d/\(prefix)"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let listing = String(decoding: try await gpg("--with-colons", "--fingerprint"), as: UTF8.self)
    let line = try #require(listing.split(separator: "\n").first { $0.hasPrefix("fpr:") })
    let fingerprint = line.split(separator: ":", omittingEmptySubsequences: false)[9].lowercased()
    try await gpg("--armor", "--export").write(to: URL(filePath: "\(place)/\(fingerprint)"))
  }

  /// With gpgv, which trusts the given key alone.
  static func verify(
    _ signature: Data, of content: Data, with key: Data, in directory: String
  ) async throws {
    let files = [("key.asc", key), ("content", content), ("content.asc", signature)]
    for (name, data) in files { try data.write(to: URL(filePath: "\(directory)/\(name)")) }
    try await Command(
      tool: .gpg,
      arguments: ["--batch", "--dearmor", "--output", "\(directory)/key.gpg", "\(directory)/key.asc"],
      environment: ["GNUPGHOME": directory]
    ).run()
    try await Tool.gpgv.run(
      "--keyring", "\(directory)/key.gpg", "\(directory)/content.asc", "\(directory)/content")
  }
}
