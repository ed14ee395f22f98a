import Foundation
import Testing

@testable import RegistryClient

/// What `kontor login` and `kontor logout` do to the user's files.
@Suite struct SettingsLoginTests {
  @Test func withoutAnyFileALoginIsForTheSession() throws {
    try withMachine { machine throws in
      let path = machine.run + "/containers/auth.json"
      #expect(try machine.store.store(login("me", "pw"), for: "a.example:5000") == .file(path))
      #expect(
        try machine.read("run/containers/auth.json")
          == "{\n\t\"auths\": {\n\t\t\"a.example:5000\": {\n\t\t\t\"auth\": \"bWU6cHc=\"\n\t\t}\n\t}\n}\n")
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      #expect(try machine.store.credentials(for: scope("a.example:5000/x")) == login("me", "pw"))
    }
  }

  @Test func aLoginGoesToTheFileThatTheEnvironmentNames() throws {
    try withMachine { machine in
      try machine.write("run/containers/auth.json", "{}")
      machine.variables["DOCKER_CONFIG"] = machine.directory + "/docker"
      #expect(
        try machine.store.store(login("me", "1"), for: "a.example")
          == .file(machine.directory + "/docker/config.json"))
      machine.variables["REGISTRY_AUTH_FILE"] = machine.directory + "/new/mine.json"
      #expect(
        try machine.store.store(login("me", "2"), for: "a.example")
          == .file(machine.directory + "/new/mine.json"))
      #expect(try machine.store.credentials(for: scope("a.example")) == login("me", "2"))
      #expect(try machine.read("run/containers/auth.json") == "{}")
    }
  }

  @Test(arguments: [
    ["home/.docker/config.json"], ["run/containers/auth.json", "home/.docker/config.json"],
    ["home/.config/containers/auth.json", "home/.docker/config.json"],
  ]) func aLoginGoesToTheFirstFileThatIsThereAndIsFoundAfterwards(_ files: [String]) throws {
    try withMachine { machine in
      for file in files { try machine.write(file, "{\"auths\": {\(auth("a.example", "old"))}}") }
      #expect(
        try machine.store.store(login("new", "x"), for: "a.example")
          == .file(machine.directory + "/" + files[0]))
      #expect(try machine.store.credentials(for: scope("a.example")) == login("new", "x"))
    }
  }

  @Test func everythingElseInTheFileStaysAsItWas() throws {
    try withMachine { machine in
      let before = """
        {
        \t"HttpHeaders": {
        \t\t"User-Agent": "D\\u00fccker \\"x\\""
        \t},
        \t"zoom": 1.50,
        \t"auths": {
        \t\t"b.example": {
        \t\t\t"auth": "eDp5",
        \t\t\t"new": 12345678901234567890
        \t\t}
        \t},
        \t"aliases": [
        \t\ttrue,
        \t\tnull
        \t],
        \t"empty": {}
        }

        """
      try machine.write("home/.docker/config.json", before)
      _ = try machine.store.store(login("me", "pw"), for: "a.example")
      let entry = ",\n\t\t\"a.example\": {\n\t\t\t\"auth\": \"bWU6cHc=\"\n\t\t}\n\t},\n\t\"aliases"
      let after = before.replacing("\\u00fc", with: "ü")
      #expect(
        try machine.read("home/.docker/config.json")
          == after.replacing("\n\t},\n\t\"aliases", with: entry))
      let file = machine.home + "/.docker/config.json"
      #expect(try machine.store.erase("a.example") == .init(erased: .file(file), remaining: nil))
      #expect(try machine.read("home/.docker/config.json") == after)
    }
  }

  @Test func dockerHubHasTheNameThatTheFilesReaderKnows() throws {
    try withMachine { machine in
      try machine.write("home/.docker/config.json", "{}")
      _ = try machine.store.store(login("me", "pw"), for: "docker.io")
      #expect(try machine.read("home/.docker/config.json").contains("\"https://index.docker.io/v1/\": {"))
      try machine.write("run/containers/auth.json", "{\"auths\": {\(auth("index.docker.io", "old"))}}")
      _ = try machine.store.store(login("me", "pw"), for: "docker.io")
      #expect(try machine.read("run/containers/auth.json").contains("\t\t\"docker.io\": {"))
      #expect(try !machine.read("run/containers/auth.json").contains("index.docker.io"))
      #expect(try machine.store.credentials(for: scope("docker.io")) == login("me", "pw"))
    }
  }

  @Test func aFileThatDockerReadsTooStaysSo() throws {
    try withMachine { machine in
      machine.variables["REGISTRY_AUTH_FILE"] = try machine.write(
        "shared.json", "{\"auths\": {\(auth("https://index.docker.io/v1/", "old"))}}")
      _ = try machine.store.store(login("me", "pw"), for: "docker.io")
      #expect(try machine.read("shared.json").contains("\"https://index.docker.io/v1/\": {"))
      #expect(try !machine.read("shared.json").contains("\"docker.io\""))
      #expect(try machine.store.credentials(for: scope("docker.io")) == login("me", "pw"))
    }
  }

  @Test func aHelperThatTheFileNamesKeepsTheLogin() throws {
    try withMachine { machine in
      try machine.helper("one")
      try machine.write(
        "home/.docker/config.json",
        "{\"credsStore\": \"one\", \"auths\": {\(auth("a.example", "old", "hunter2"))}}")
      #expect(try machine.store.store(login("me", "p\"\\ü"), for: "a.example") == .helper(name: "one"))
      #expect(try machine.store.credentials(for: scope("a.example")) == login("me", "p\"\\ü"))
      // The old password is gone from the file.
      #expect(try machine.read("home/.docker/config.json").contains("\"a.example\": {}"))

      _ = try machine.store.store(.identityToken(Secret("refresh")), for: "docker.io")
      #expect(try machine.read("kept/https:index.docker.iov1").contains("\"Username\":\"<token>\""))

      #expect(try machine.store.erase("a.example") == .init(erased: .helper(name: "one"), remaining: nil))
      #expect(!machine.exists("kept/a.example"))
      #expect(try !machine.read("home/.docker/config.json").contains("a.example"))
      #expect(try machine.store.erase("a.example") == .init(erased: nil, remaining: nil))
      #expect(try !machine.read("kept/log").contains("p\""))
    }
  }

  @Test func anIdentityTokenIsKeptWithAUserNameBesideIt() throws {
    try withMachine { machine in
      _ = try machine.store.store(.identityToken(Secret("refresh")), for: "a.example")
      #expect(try machine.store.credentials(for: scope("a.example")) == .identityToken(Secret("refresh")))
      #expect(try machine.read("run/containers/auth.json").contains("\"auth\": \"PHRva2VuPjo=\""))
    }
  }

  @Test func aLogoutTellsOfWhatIsLeftElsewhere() throws {
    try withMachine { machine throws in
      let first = try machine.write("run/containers/auth.json", "{\"auths\": {\(auth("a.example", "1"))}}")
      let second = try machine.write(
        "home/.docker/config.json", "{\"auths\": {\(auth("a.example", "2")), \(auth("a.example/team", "3"))}}"
      )
      let before = try machine.read("home/.docker/config.json")
      #expect(try machine.store.erase("a.example") == .init(erased: .file(first), remaining: .file(second)))
      #expect(try machine.store.erase("a.example") == .init(erased: nil, remaining: .file(second)))
      #expect(try machine.read("home/.docker/config.json") == before)
      #expect(try machine.store.erase("b.example") == .init(erased: nil, remaining: nil))
    }
  }

  @Test func aLogoutWithoutAnyFileMakesNone() throws {
    try withMachine { machine throws in
      #expect(try machine.store.erase("a.example") == .init(erased: nil, remaining: nil))
      #expect(!machine.exists("run"))
    }
  }

  @Test(arguments: ["{\"auths\": {", "[]", "{\"auths\": 1}", "secret"])
  func aBrokenFileIsNeverOverwritten(_ text: String) throws {
    try withMachine { machine in
      let path = try machine.write("run/containers/auth.json", text)
      #expect(
        message { try machine.store.store(login("me", "pw"), for: "a.example") }?.hasPrefix(path) == true)
      #expect(message { try machine.store.erase("a.example") }?.hasPrefix(path) == true)
      #expect(try machine.read("run/containers/auth.json") == text)
    }
  }

  @Test func aLinkStaysALinkAndADeviceADevice() throws {
    try withMachine { machine in
      try machine.write("dotfiles/config.json", "{}")
      try machine.write("home/.docker/other", "")
      try FileManager.default.createSymbolicLink(
        atPath: machine.home + "/.docker/config.json", withDestinationPath: "../../dotfiles/config.json")
      _ = try machine.store.store(login("me", "pw"), for: "a.example")
      #expect(try machine.read("dotfiles/config.json").contains("a.example"))
      machine.variables["REGISTRY_AUTH_FILE"] = machine.directory + "/null"
      try FileManager.default.createSymbolicLink(
        atPath: machine.directory + "/null", withDestinationPath: "/dev/null")
      #expect(
        message { try machine.store.store(login("me", "pw"), for: "a.example") }?
          .hasSuffix("it is not a regular file") == true)
    }
  }

  @Test func loginsAtOnceLoseNothing() async throws {
    let path = "/var/tmp/kontor-settings-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let machine = SettingsMachine(directory: path)
    let environment = machine.environment
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          _ = try CredentialStore(environment).store(login("user\(number)", "pw"), for: "r\(number).example")
        }
      }
      try await group.waitForAll()
    }
    for number in 0..<40 {
      #expect(try machine.store.credentials(for: scope("r\(number).example")) == login("user\(number)", "pw"))
    }
    // No temporary file stays.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path + "/run/containers").sorted()
        == ["auth.json", "auth.json.lock"])
  }
}
