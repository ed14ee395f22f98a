import Foundation

/// One more address of this machine's loopback interface.
///
/// Docker never checks the certificate of a registry in 127.0.0.0/8, so a test of its trust needs an address outside.
enum LoopbackAddress {
  /// Runs `body` while the loopback interface also has `address`.
  static func with(_ address: String, _ body: () async throws -> Void) async throws {
    try Tool.require(.ip)
    try await Tool.ip.run("address", "replace", "\(address)/32", "dev", "lo")
    try await running(body) {
      _ = try? await Tool.ip.run("address", "del", "\(address)/32", "dev", "lo")
    }
  }
}
