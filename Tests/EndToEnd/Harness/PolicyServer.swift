import Foundation
import Testing

/// A server that goes by a trust policy. Whoever asks from 127.0.0.1 may push, others may pull only.
struct PolicyServer {
  let kontor: KontorProcess
  /// For clients that may push.
  let pusher: PlainHTTP
  let puller: PlainHTTP
  /// The directory of the policy and its keys.
  let directory: String

  /// The registry's name, in the policy and for clients.
  var name: String { "localhost:\(kontor.endpoint.port)" }

  private var policyFile: String { "\(directory)/policy.json" }

  static func with(
    policy: [String: Any], _ environment: [String: String] = [:], in directory: String,
    _ body: (PolicyServer) async throws -> Void
  ) async throws {
    try write(policy, to: "\(directory)/policy.json")
    var settings = KontorProcess.Settings(host: "0.0.0.0")
    settings.environment = [
      "KONTOR_TRUST_POLICY": "\(directory)/policy.json", "KONTOR_TRUST_PUSHERS": "127.0.0.1",
    ]
    settings.environment.merge(environment) { $1 }
    try await KontorProcess.with(settings) { kontor in
      var (pusher, puller) = (PlainHTTP(kontor.endpoint), PlainHTTP(kontor.endpoint))
      (pusher.host, puller.host) = ("127.0.0.1", "127.0.0.1")
      (pusher.source, puller.source) = ("127.0.0.1", "127.0.0.2")
      try await body(PolicyServer(kontor: kontor, pusher: pusher, puller: puller, directory: directory))
    }
  }

  private static func write(_ policy: [String: Any], to file: String) throws {
    try JSONSerialization.data(withJSONObject: policy).write(to: URL(filePath: file), options: .atomic)
  }

  /// Goes by another policy, and waits until the server does.
  func replace(policy: [String: Any]) async throws {
    func count() -> Int { kontor.log.components(separatedBy: "going by the trust policy").count }
    let before = count()
    try Self.write(policy, to: policyFile)
    kill(kontor.pid, SIGHUP)
    try await kontor.daemon.waitFor("the new policy") { _ in count() > before ? true : nil }
  }

  /// Pushes one of the test's images, as whoever may.
  func push(_ image: String, as reference: String, all: Bool = false, signedBy key: SigningKey? = nil)
    async throws
  {
    try await TestImage.shared.push(image, to: "\(name)/\(reference)", by: key, all: all)
  }

  /// The status of a manifest for a client that may pull.
  func status(_ repository: String, _ reference: String) async throws -> Int {
    try await puller.send("GET", "/v2/\(repository)/manifests/\(reference)").status
  }
}
