import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import RegistryClient

/// Mirrors that do not work.
@Suite struct MirrorTests {
  typealias Answer = ScriptedRegistry.Answer

  private static let index =
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#

  @Test(
    "a mirror that fails is not waited for, and one that breaks off is asked only once",
    arguments: [
      (Answer(status: 503), 2), (Answer(status: 404), 2), (Answer(announcedLength: 9, breaksAfter: 0), 2),
      (nil, 1),
    ] as [(Answer?, Int)])
  func failing(_ answer: Answer?, times: Int) async throws {
    try await ScriptedRegistry.with({ _ in .json(200, Self.index) }) { registry in
      try await ScriptedRegistry.with({ _ in answer ?? Answer(breaksHead: true) }) { mirror in
        let file = "/var/tmp/kontor-mirror-\(UUID()).conf"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let text = """
          [[registry]]
          location = "\(registry.host)"
          [[registry.mirror]]
          location = "\(mirror.host)"
          """
        try Data(text.utf8).write(to: URL(filePath: file))
        var options = ClientOptions()
        options.usesPlainHTTP = true
        // More patience than any test has.
        options.retries.delay = .seconds(3600)
        options.retries.longestDelay = .seconds(3600)
        let client = try RegistryClient(
          UserEnvironment(
            home: "/nowhere", variables: ["CONTAINERS_REGISTRIES_CONF": file], userID: 0, root: "/nowhere"),
          options: options)
        let repository = try client.repository(
          ImageReference(parsing: "\(registry.host)/trade/hello:v1"), for: .pullByTag)
        for _ in 1...2 { #expect(try repository.manifest().bytes == Array(Self.index.utf8)) }
        #expect(mirror.requests.count == times)
        #expect(registry.requests.count == 2)
      }
    }
  }
}
