import Foundation

/// A certificate authority made for this run, and a certificate of its own for the registry.
struct PrivateCA: Sendable {
  /// The authority's certificate: what a client must trust.
  var certificate: String
  /// A directory with that certificate alone in it, as skopeo, podman and Docker want it.
  var clientDirectory: String
  var serverCertificate: String
  var serverKey: String

  /// An address outside 127.0.0.0/8, from the range kept for documentation (RFC 5737). Docker checks no certificate below 127.
  static let documentationAddress = "192.0.2.77"

  private static let made = Task { try await make() }

  /// The run's authority.
  static var shared: PrivateCA { get async throws { try await made.value } }

  private static func make() async throws -> PrivateCA {
    try Tool.require(.openssl)
    let directory = try Scratch.directory("ca")
    let clients = "\(directory)/clients"
    try FileManager.default.createDirectory(atPath: clients, withIntermediateDirectories: true)
    let authority = PrivateCA(
      certificate: "\(clients)/ca.crt", clientDirectory: clients,
      serverCertificate: "\(directory)/server.crt",
      serverKey: "\(directory)/server.key")
    let names =
      "subjectAltName=DNS:localhost,DNS:example.com,IP:127.0.0.1,IP:::1,IP:\(documentationAddress)\n"
    try Data(names.utf8).write(to: URL(filePath: "\(directory)/names"))
    let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try await openssl(
      ["req", "-x509"] + newKey + ["-days", "2", "-subj", "/CN=Kontor test authority"]
        + ["-keyout", "\(directory)/ca.key", "-out", authority.certificate])
    try await openssl(
      ["req"] + newKey + ["-subj", "/CN=localhost"]
        + ["-keyout", authority.serverKey, "-out", "\(directory)/server.csr"])
    try await openssl([
      "x509", "-req", "-in", "\(directory)/server.csr", "-CA", authority.certificate,
      "-CAkey", "\(directory)/ca.key", "-CAcreateserial", "-days", "2",
      "-extfile", "\(directory)/names", "-out", authority.serverCertificate,
    ])
    return authority
  }

  private static func openssl(_ arguments: [String]) async throws {
    try await Command(tool: .openssl, arguments: arguments).run()
  }
}
