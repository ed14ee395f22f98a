import ContainerImage
import Foundation
import Testing
import Trust

@testable import RegistryClient

/// `registries.d`, and the places of signatures that it names.
@Suite struct LookasideTests {
  private func places(
    _ machine: SettingsMachine, _ image: String = "registry.example/team/app:v1"
  ) throws -> LookasideSettings.Places {
    try LookasideSettings(machine.environment).places(for: reference(image))
  }

  @Test("without settings it is the user's own directory, as for skopeo")
  func standard() throws {
    try withMachine { machine in
      let place = "file://\(machine.home)/.local/share/containers/sigstore"
      let found = try places(machine)
      #expect(found == .init(reading: place, writing: place))
    }
  }

  @Test("the narrowest scope that names a place counts, and the former names of the keys are known")
  func scopes() throws {
    try withMachine { machine in
      let directory = "root/etc/containers/registries.d"
      try machine.write(
        "\(directory)/a.yaml",
        """
        # The machine's.
        default-docker:
          lookaside: https://signatures.example/all
        docker:
          registry.example:
            sigstore: https://signatures.example/registry
            sigstore-staging: file:///srv/staging
          registry.example/team:
            use-sigstore-attachments: true
        """)
      try machine.write(
        "\(directory)/b.yaml", "docker:\n  \"*.example\":\n    lookaside-staging: file:///srv/wild\n")
      try machine.write("\(directory)/c.txt", "docker: 3")
      let found = try places(machine)
      #expect(
        found == .init(reading: "https://signatures.example/registry", writing: "file:///srv/staging"))
      let wild = try places(machine, "other.example/app:v1")
      #expect(wild == .init(reading: "", writing: "file:///srv/wild"))
      let rest = try places(machine, "registry.test/app:v1")
      #expect(rest.reading == "https://signatures.example/all" && rest.writing == rest.reading)

      // A directory of the user's stands for the machine's.
      try machine.write("home/.config/containers/registries.d/own.yaml", "")
      let own = try places(machine)
      #expect(own.reading.hasPrefix("file://\(machine.home)"))
    }
  }

  @Test(
    "a broken file is an error with its name",
    arguments: [
      "docker: [", "- a", "docker:\n  registry.example: 3\n", "docker: 3",
      "default-docker:\n  lookaside: ftp://signatures.example\n",
      "default-docker:\n  lookaside: file://relative/path\n",
    ])
  func broken(_ text: String) throws {
    try withMachine { machine in
      let path = try machine.write("root/etc/containers/registries.d/broken.yaml", text)
      let said = message { try LookasideSettings(machine.environment) }
      #expect(said?.hasPrefix(path) == true, "\(said ?? "nothing")")
    }
  }

  @Test("what two files say of one scope is an error")
  func twice() throws {
    try withMachine { machine in
      for name in ["a", "b"] {
        try machine.write(
          "root/etc/containers/registries.d/\(name).yaml",
          "docker:\n  registry.example:\n    lookaside: https://\(name).example\n")
      }
      let said = message { try LookasideSettings(machine.environment) }
      #expect(said?.contains("there twice") == true)
    }
  }

  @Test("signatures of a web server are read until there are no more, without the registry's credentials")
  func overHTTP() async throws {
    let digest = Digest(hashing: Array("image".utf8))
    try await ScriptedRegistry.with({ request in
      switch request.path {
      case "/signatures/trade/hello@sha256=\(digest.encoded)/signature-1":
        .init(body: Array("first".utf8))
      case "/signatures/trade/hello@sha256=\(digest.encoded)/signature-2":
        .init(body: Array("second".utf8))
      default: .init(status: request.path == "/v2/" ? 200 : 404)
      }
    }) { server in
      let client = try RegistryClient.forTests {
        $0.credentials = .password(username: "me", password: Secret("secret"))
      }
      let repository = try client.repository(reference("\(server.host)/trade/hello:v1"), for: .pullByTag)
      let place = "http://\(server.host)/signatures/"
      let signatures = RemoteSignatures(
        repository: repository, lookaside: Lookaside(.init(reading: place, writing: place), of: repository))
      let found = try signatures.simpleSignatures(of: digest)
      #expect(found == [Array("first".utf8), Array("second".utf8)])
      #expect(server.requests.allSatisfy { $0.headers["authorization"] == nil })
      #expect(throws: (any Error).self) { try signatures.add(simpleSignature: [1], of: digest) }
    }
  }

  @Test("a lookaside that fails is an error, and not one without signatures")
  func failing() async throws {
    let digest = Digest(hashing: Array("image".utf8))
    try await ScriptedRegistry.with({ .init(status: $0.path == "/v2/" ? 200 : 500) }) { server in
      let client = try RegistryClient.forTests()
      let repository = try client.repository(reference("\(server.host)/trade/hello:v1"), for: .pullByTag)
      let place = "http://\(server.host)/signatures"
      let lookaside = Lookaside(.init(reading: place, writing: place), of: repository)
      #expect(throws: (any Error).self) { try lookaside.signatures(of: digest) }
    }
  }

  @Test("what is written to a directory is read from it, each signature under the next number")
  func files() async throws {
    let digest = Digest(hashing: Array("image".utf8))
    let directory = "/var/tmp/kontor-lookaside-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let repository = try RegistryClient.forTests().repository(
      reference("registry.example/trade/hello:v1"), for: .push)
    let place = "file://\(directory)"
    let lookaside = Lookaside(.init(reading: place, writing: place), of: repository)
    let none = try lookaside.signatures(of: digest)
    #expect(none == [])
    for text in ["first", "second"] {
      let said = try lookaside.add(Array(text.utf8), of: digest)
      #expect(said.contains("\(directory)/trade/hello@sha256=\(digest.encoded)/signature-"))
    }
    let found = try lookaside.signatures(of: digest)
    #expect(found == [Array("first".utf8), Array("second".utf8)])
  }
}
