import Foundation
import Testing

@testable import RegistryClient

/// Credentials are found where Docker and containers' tools keep them, by the rules of those.
@Suite struct SettingsCredentialsTests {
  @Test func withoutAnyFileAUserIsAnonymous() throws {
    try withMachine { machine throws in
      #expect(try machine.store.credentials(for: scope("quay.io/a/b")) == .anonymous)
      #expect(try machine.store.find(scope("quay.io")) == nil)
    }
  }

  @Test func filesAreReadInTheOrderOfContainersAuthJson() throws {
    try withMachine { machine in
      let files = [
        "run/containers/auth.json", "home/.config/containers/auth.json", "home/.docker/config.json",
        "home/.dockercfg",
      ]
      for file in files.reversed() {
        let entry = auth("registry.example", file)
        try machine.write(file, file.hasSuffix("dockercfg") ? "{\(entry)}" : "{\"auths\": {\(entry)}}")
        let found = try #require(try machine.store.find(scope("registry.example/app")))
        #expect(found.credentials == login(file, "pw"))
        #expect(found.place == .file(machine.directory + "/" + file))
      }
    }
  }

  @Test func aFileWithoutTheRegistryGivesWayToTheNext() throws {
    try withMachine { machine in
      try machine.write(
        "run/containers/auth.json", #"{"auths": {"other.example": {}, "registry.example": {}}}"#)
      try machine.write("home/.docker/config.json", "{\"auths\": {\(auth("registry.example", "me"))}}")
      #expect(try machine.store.credentials(for: scope("registry.example")) == login("me", "pw"))
    }
  }

  @Test func theFileOfREGISTRY_AUTH_FILEIsTheOnlyOne() throws {
    try withMachine { machine in
      try machine.write("home/.docker/config.json", "{\"auths\": {\(auth("a.example", "docker"))}}")
      machine.variables["REGISTRY_AUTH_FILE"] = try machine.write(
        "mine.json", "{\"auths\": {\(auth("b.example", "mine"))}}")
      #expect(try machine.store.credentials(for: scope("b.example")) == login("mine", "pw"))
      #expect(try machine.store.credentials(for: scope("a.example")) == .anonymous)
      machine.variables["REGISTRY_AUTH_FILE"] = "/dev/null"
      #expect(try machine.store.credentials(for: scope("b.example")) == .anonymous)
    }
  }

  @Test func variablesSayWhereTheFilesAre() throws {
    try withMachine { machine in
      try machine.write("config/containers/auth.json", "{\"auths\": {\(auth("a.example", "xdg"))}}")
      try machine.write("docker/config.json", "{\"auths\": {\(auth("a.example", "docker"))}}")
      try machine.write("home/.docker/config.json", "{\"auths\": {\(auth("a.example", "no"))}}")
      machine.variables["XDG_CONFIG_HOME"] = machine.directory + "/config"
      #expect(try machine.store.credentials(for: scope("a.example")) == login("xdg", "pw"))
      machine.variables["DOCKER_CONFIG"] = machine.directory + "/docker"
      #expect(try machine.store.credentials(for: scope("a.example")) == login("docker", "pw"))
      machine.variables["XDG_RUNTIME_DIR"] = ""
      machine.variables["DOCKER_CONFIG"] = ""
      try machine.write("root/run/containers/1000/auth.json", "{\"auths\": {\(auth("a.example", "uid"))}}")
      #expect(try machine.store.credentials(for: scope("a.example")) == login("uid", "pw"))
    }
  }

  @Test func theMostSpecificNamespaceCounts() throws {
    try withMachine { machine in
      try machine.write(
        "run/containers/auth.json",
        """
        {"auths": {\(auth("reg.example", "all")), \(auth("reg.example/foo", "foo")),
        \(auth("reg.example/foo/bar/image", "image")), "reg.example/foo/bar": {}}}
        """)
      let expected = [
        "reg.example": "all", "reg.example/other": "all", "reg.example/foobar": "all",
        "reg.example/foo": "foo", "reg.example/foo/x": "foo", "reg.example/foo/bar/other": "foo",
        "reg.example/foo/bar/image": "image",
      ]
      for (name, user) in expected {
        #expect(try machine.store.credentials(for: scope(name)) == login(user, "pw"), "\(name)")
      }
      #expect(try machine.store.credentials(for: scope("reg.example:5000/foo")) == .anonymous)
    }
  }

  @Test(arguments: [
    ("docker.io", "docker.io"), ("https://index.docker.io/v1/", "docker.io"),
    ("index.docker.io", "docker.io"),
    ("registry-1.docker.io", "docker.io"), ("http://reg.example:5000", "reg.example:5000"),
    ("https://reg.example/v2/", "reg.example"), ("REG.example", "reg.example"),
  ]) func aKeyMayBeAHostOrAURL(_ key: String, _ registry: String) throws {
    try withMachine { machine in
      try machine.write("home/.docker/config.json", "{\"auths\": {\(auth(key, "me"))}}")
      let scope = CredentialScope(registry: registry)
      #expect(try machine.store.credentials(for: scope) == login("me", "pw"))
      #expect(try machine.store.credentials(for: CredentialScope(registry: "x.example")) == .anonymous)
    }
  }

  @Test func theRegistrysOwnNameCountsBeforeItsURL() throws {
    try withMachine { machine in
      try machine.write(
        "home/.docker/config.json",
        "{\"auths\": {\(auth("https://a.example/v1/", "url")), \(auth("a.example", "own"))}}")
      #expect(try machine.store.credentials(for: scope("a.example")) == login("own", "pw"))
    }
  }

  @Test func anEntryHasAPasswordOrATokenInAnyOfItsForms() throws {
    try withMachine { machine in
      try machine.write(
        "home/.docker/config.json",
        """
        {"auths": {\(auth("a.example", "user", "p:w\0")),
        "b.example": {"username": "user", "password": "plain"},
        "c.example": {"auth": "PHRva2VuPjo=", "identitytoken": "refresh"},
        "d.example": {"email": "me@d.example"},
        "e.example": {"auth": "Og==", "username": "user", "password": "plain"}, "f.example": {"auth": "Og=="}}}
        """)
      let expected: [String: Credentials] = [
        "a.example": login("user", "p:w"), "b.example": login("user", "plain"),
        "c.example": .identityToken(Secret("refresh")), "d.example": .anonymous,
        "e.example": login("user", "plain"), "f.example": .anonymous,
      ]
      for (name, credentials) in expected {
        #expect(try machine.store.credentials(for: scope(name)) == credentials, "\(name)")
      }
    }
  }

  @Test(arguments: [
    #"{"auths": {"#, #"{"auths": []}"#, "[]", #"{"auths": {"a.example": {"auth": "c2VjcmV0"}}}"#,
    #"{"auths": {"a.example": {"auth": "secret!"}}}"#,
  ]) func aBrokenFileIsAnErrorThatNamesItAndNoContent(_ text: String) throws {
    try withMachine { machine in
      let path = try machine.write("home/.docker/config.json", text)
      let error = try #require(message { try machine.store.credentials(for: scope("a.example")) })
      #expect(error.hasPrefix(path + ": "))
      #expect(!error.contains("secret") && !error.contains("c2VjcmV0"))
    }
  }

  @Test func aSecretIsSeenNowhere() {
    let credentials = login("me", "hunter2")
    var dumped = ""
    dump([credentials, .identityToken(Secret("hunter2"))], to: &dumped)
    for text in ["\(credentials)", String(reflecting: credentials), dumped, "\(Secret("hunter2"))"] {
      #expect(!text.contains("hunter2"))
      #expect(text.contains("***") || text == dumped)
    }
    #expect(Secret("hunter2").exposed == "hunter2")
  }
}
