import Foundation
import Testing

@testable import RegistryClient

/// `docker-credential-NAME` programs are asked by their protocol.
@Suite struct SettingsHelperTests {
  @Test func theRegistrysHelperIsAskedBeforeTheFile() throws {
    try withMachine { machine in
      try machine.helper("one")
      try machine.keep("a.example", "helped", "x")
      try machine.write(
        "home/.docker/config.json",
        "{\"credHelpers\": {\"a.example\": \"one\"}, \"auths\": {\(auth("a.example", "file")), \(auth("b.example", "b"))}}"
      )
      let found = try #require(try machine.store.find(scope("a.example/app")))
      #expect(found.credentials == login("helped", "x"))
      #expect(found.place == .helper(name: "one"))
      #expect(try machine.store.credentials(for: scope("b.example")) == login("b", "pw"))
      // One argument, the action; everything else is input.
      #expect(try machine.read("kept/log") == "get 1\n")
    }
  }

  @Test func whatAHelperDoesNotHaveIsLookedForFurther() throws {
    try withMachine { machine in
      try machine.helper("one")
      try machine.write(
        "home/.docker/config.json",
        "{\"credsStore\": \"one\", \"auths\": {\(auth("a.example", "file")), \"b.example\": {}}}")
      #expect(try machine.store.credentials(for: scope("a.example")) == login("file", "pw"))
      #expect(try machine.store.credentials(for: scope("b.example")) == .anonymous)
    }
  }

  @Test func theHelperForAllIsAskedAsDockerAsksIt() throws {
    try withMachine { machine in
      try machine.helper("all")
      try machine.keep("https://index.docker.io/v1/", "hub", "x")
      try machine.keep("a.example:5000", "a", "y")
      try machine.write(
        "home/.docker/config.json",
        "{\"credsStore\": \"all\", \"auths\": {\(auth("a.example:5000", "file")), \(auth("a.example:5000/team", "team"))}}"
      )
      #expect(try machine.store.credentials(for: scope("docker.io/library/busybox")) == login("hub", "x"))
      #expect(try machine.store.credentials(for: scope("a.example:5000/app")) == login("a", "y"))
      #expect(try machine.store.credentials(for: scope("a.example:5000/team/app")) == login("team", "pw"))
    }
  }

  @Test func theUserNameTokenMeansAnIdentityToken() throws {
    try withMachine { machine in
      try machine.helper("one")
      try machine.keep("a.example", "<token>", "refresh")
      try machine.write("home/.docker/config.json", #"{"credHelpers": {"a.example": "one"}}"#)
      #expect(try machine.store.credentials(for: scope("a.example")) == .identityToken(Secret("refresh")))
    }
  }

  @Test func theHelpersOfRegistriesConfAreAskedInTheirOrder() throws {
    try withMachine { machine in
      try machine.helper("one")
      try machine.write("run/containers/auth.json", "{\"auths\": {\(auth("a.example", "file"))}}")
      try machine.write(
        "root/etc/containers/registries.conf", #"credential-helpers = ["one", "containers-auth.json"]"#)
      let helpers = try RegistriesConfiguration(machine.environment).credentialHelpers
      let store = CredentialStore(machine.environment, helpers: helpers)
      #expect(try store.credentials(for: scope("a.example")) == login("file", "pw"))
      #expect(try store.store(login("me", "x"), for: "a.example") == .helper(name: "one"))
      #expect(try store.credentials(for: scope("a.example")) == login("me", "x"))
      #expect(
        try store.erase("a.example")
          == .init(erased: .helper(name: "one"), remaining: .file(machine.run + "/containers/auth.json")))
    }
  }

  @Test(arguments: [
    ("exit 3", "failed to get, with exit code 3"),
    ("echo 'keyring is locked'; exit 1", "failed to get, with exit code 1: \"keyring is locked\""),
    ("echo '{\"Secret\":\"hunter2\"}'; exit 1", "failed to get, with exit code 1"),
    (
      "echo hunter2",
      "gave an answer that cannot be read: it is not valid JSON: a value is missing, at byte 0"
    ),
    ("echo '{\"Secret\":\"hunter2\"}'", "gave an answer without Username and Secret"),
    ("kill -9 $$", "failed to get, with exit code 137"),
    ("yes", "gave more than 1048576 bytes"),
  ]) func aHelpersFailureIsAnErrorWithoutSecrets(_ script: String, _ reason: String) throws {
    try withMachine { machine in
      try machine.program("docker-credential-bad", script + "\n")
      try machine.write("home/.docker/config.json", #"{"credHelpers": {"a.example": "bad"}}"#)
      #expect(
        message { try machine.store.credentials(for: scope("a.example")) }
          == "the credential helper docker-credential-bad " + reason)
    }
  }

  @Test func aHelperThatFailsToStoreDoesNotRepeatThePassword() throws {
    try withMachine { machine in
      try machine.program("docker-credential-bad", "echo hunter2; exit 1\n")
      try machine.write("home/.docker/config.json", #"{"credsStore": "bad"}"#)
      let error = message { try machine.store.store(login("me", "hunter2"), for: "a.example") }
      #expect(error == "the credential helper docker-credential-bad failed to store, with exit code 1")
      #expect(try machine.read("home/.docker/config.json") == #"{"credsStore": "bad"}"#)
    }
  }

  @Test func aHelperThatIsMissingIsNamed() throws {
    try withMachine { machine in
      try machine.write(
        "home/.docker/config.json", #"{"credHelpers": {"a.example": "gone", "b.example": "../bin/x"}}"#)
      #expect(
        message { try machine.store.credentials(for: scope("a.example")) }?.contains(
          "docker-credential-gone is not in PATH") == true)
      #expect(
        message { try machine.store.credentials(for: scope("b.example")) }?.contains("without '/'") == true)
    }
  }

  @Test func aHelperMayEndWithoutReading() throws {
    try withMachine { machine in
      try machine.program("docker-credential-deaf", "exit 0\n")
      let helper = try CredentialHelper("deaf", machine.environment)
      try helper.store("me", Secret(String(repeating: "x", count: 60_000)), server: "a.example")
      #expect(throws: SettingsError.self) {
        try helper.store("me", Secret(String(repeating: "x", count: 70_000)), server: "a.example")
      }
    }
  }

  @Test func helpersCanRunAtOnce() async throws {
    let path = "/var/tmp/kontor-settings-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let machine = SettingsMachine(directory: path)
    try machine.program(
      "docker-credential-echo", "read s; echo \"{\\\"Username\\\":\\\"u\\\",\\\"Secret\\\":\\\"$s\\\"}\"\n")
    let environment = machine.environment
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<20 {
        group.addTask {
          try CredentialHelper("echo", environment).get("host\(number)\n") == login("u", "host\(number)")
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}
