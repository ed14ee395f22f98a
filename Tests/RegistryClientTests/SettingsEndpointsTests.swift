import Foundation
import Testing

@testable import RegistryClient

/// All settings together say which servers are asked, in which order and how.
@Suite struct SettingsEndpointsTests {
  private func endpoints(
    _ machine: SettingsMachine, _ name: String, push: Bool = false
  ) throws -> [RegistryEndpoint] {
    let reference = try reference(name)
    return try RegistryEndpoints(machine.environment).endpoints(
      for: reference, push ? .push : .pull(reference))
  }

  private func hosts(
    _ text: String, for directory: String = "a.example", _ name: String = "a.example/x:1", push: Bool = false
  ) throws -> [RegistryEndpoint] {
    try withMachine { machine in
      try machine.write("root/etc/containerd/certs.d/\(directory)/hosts.toml", text)
      return try endpoints(machine, name, push: push)
    }
  }

  private let digest = "@sha256:" + String(repeating: "a", count: 64)

  @Test func withoutSettingsTheRegistryItselfIsAskedOverTLS() throws {
    try withMachine { machine in
      let all = try endpoints(machine, "a.example:5000/team/app:1")
      let endpoint = try #require(all.first)
      #expect(all.count == 1)
      #expect(endpoint.apiURL == "https://a.example:5000/v2")
      #expect(endpoint.port == 5000)
      #expect(endpoint.reference == (try reference("a.example:5000/team/app:1")))
      #expect(endpoint.credentialScope == (try scope("a.example:5000/team/app")))
      #expect(!endpoint.skipsVerification && !endpoint.fallsBackToHTTP && !endpoint.isMirror)
      #expect(endpoint.namespace == nil && endpoint.headers.isEmpty && endpoint.certificates.isEmpty)
    }
  }

  @Test func dockerHubsAPIHasAHostOfItsOwnAndItsCredentialsTheNameOfReferences() throws {
    try withMachine { machine in
      let path = try machine.write("root/etc/docker/certs.d/docker.io/ca.crt", "")
      let endpoint = try #require(try endpoints(machine, "busybox").first)
      #expect(endpoint.apiURL == "https://registry-1.docker.io/v2")
      #expect(endpoint.credentialScope == (try scope("docker.io/library/busybox")))
      #expect(endpoint.certificates.authorities == [path])
    }
  }

  @Test(arguments: [
    ("localhost:5000", true), ("127.0.0.1:5000", true), ("127.1.2.3", true), ("[::1]:5000", true),
    ("128.0.0.1:5000", false), ("localhost.evil.test", false), ("127.0.0.1.evil.test", false),
    ("[::2]:1", false),
  ]) func onlyThisMachineMayBeAskedOverPlainHTTPWithoutSettings(_ registry: String, _ may: Bool) throws {
    try withMachine { machine in
      let endpoint = try #require(try endpoints(machine, registry + "/x").first)
      #expect(endpoint.fallsBackToHTTP == may)
      #expect(endpoint.scheme == .https && !endpoint.skipsVerification)
      #expect(endpoint.apiURL == "https://\(registry)/v2")
    }
  }

  @Test func registriesConfGivesMirrorsWithTheirOwnCertificatesAndCredentials() throws {
    try withMachine { machine in
      try machine.write(
        "root/etc/containers/registries.conf",
        """
        [[registry]]
        prefix = "a.example/team"
        location = "b.example:5000/real"
        insecure = true
        [[registry.mirror]]
        location = "m.example/copy"
        """)
      let ca = try machine.write("root/etc/containers/certs.d/m.example/ca.crt", "")
      let all = try endpoints(machine, "a.example/team/app:1")
      #expect(all.map(\.apiURL) == ["https://m.example/v2", "https://b.example:5000/v2"])
      #expect(
        all.map(\.reference) == [
          try reference("m.example/copy/app:1"), try reference("b.example:5000/real/app:1"),
        ])
      #expect(
        all.map(\.credentialScope) == [try scope("m.example/copy/app"), try scope("b.example:5000/real/app")])
      #expect(all.map(\.certificates) == [.init(authorities: [ca]), .init()])
      #expect(all.map(\.skipsVerification) == [false, true])
      #expect(all.map(\.fallsBackToHTTP) == [false, true])
      #expect(all.map(\.isMirror) == [true, false])
      #expect(
        try endpoints(machine, "a.example/team/app:1", push: true).map(\.apiURL) == ["https://a.example/v2"])
    }
  }

  @Test func registriesConfCountsBeforeHostsToml() throws {
    try withMachine { machine in
      try machine.write("root/etc/containers/registries.conf", "[[registry]]\nlocation = \"a.example/one\"\n")
      try machine.write("root/etc/containerd/certs.d/a.example/hosts.toml", "[host.\"https://m.example\"]\n")
      #expect(try endpoints(machine, "a.example/one:1").map(\.apiURL) == ["https://a.example/v2"])
      #expect(
        try endpoints(machine, "a.example/two:1").map(\.apiURL) == [
          "https://m.example/v2", "https://a.example/v2",
        ])
    }
  }

  @Test func hostsAreTriedInTheOrderOfTheFile() throws {
    let all = try hosts(
      """
      server = "https://up.example"
      [host."https://z.example"]
        ca = ["x",
          "y"]
      [host."https://z.example".header]
        x = "1"
      [ host . 'https://m.example/us/' ]
      [host."http://a.test:8080"]
      [host."https://k.example/api/v2"]
        override_path = true
      [host."https://k.example/other"]
        override_path = true
      """)
    #expect(
      all.map(\.apiURL) == [
        "https://z.example/v2", "https://m.example/us/v2", "http://a.test:8080/v2",
        "https://k.example/api/v2",
        "https://k.example/other", "https://up.example/v2",
      ])
    #expect(all.allSatisfy { $0.isMirror && $0.namespace == "a.example" })
    #expect(all.allSatisfy { $0.reference.repository.description == "x" && !$0.fallsBackToHTTP })
    #expect(all.map { $0.credentialScope?.registry }.prefix(3) == ["z.example", "m.example", "a.test:8080"])
  }

  @Test func withoutAServerTheRegistryItselfIsTheLast() throws {
    let all = try hosts("ca = \"own.pem\"\ncapabilities = [\"pull\"]\n[host.\"m.example\"]\n", push: true)
    #expect(all.map(\.apiURL) == ["https://m.example/v2", "https://a.example/v2"])
    #expect(all.map(\.isMirror) == [true, false])
    #expect(all.map(\.namespace) == ["a.example", nil])
    #expect(all[1].certificates.authorities.first?.hasSuffix("/certs.d/a.example/own.pem") == true)
  }

  @Test func capabilitiesSayWhoIsAskedForWhat() throws {
    let text = """
      server = "https://up.example"
      capabilities = ["pull", "resolve"]
      [host."https://pull.example"]
        capabilities = ["pull"]
      [host."https://both.example"]
        capabilities = ["Pull", "resolve"]
      [host."https://push.example"]
        capabilities = ["push"]
      """
    #expect(try hosts(text).map(\.host.name) == ["both.example", "up.example"])
    #expect(
      try hosts(text, "a.example/x" + digest).map(\.host.name) == [
        "pull.example", "both.example", "up.example",
      ])
    #expect(try hosts(text, push: true).map(\.host.name) == ["push.example"])
    #expect(
      message { try hosts(text.replacing("\"push\"", with: "\"pull\""), push: true) }?
        .hasSuffix("/a.example/hosts.toml has the capability to push") == true)
  }

  @Test func aHostHasItsOwnTLSAndHeaders() throws {
    let all = try hosts(
      """
      [host."https://m.example"]
        ca = ["/etc/one.pem", "two.pem"]
        client = [["c.cert", "/k.key"], ["both.pem", ""], "single.pem"]
        skip_verify = true
        [host."https://m.example".header]
          Authorization = "Basic c2VjcmV0"
          x-custom = ["a", "b"]
      """)
    let directory = try #require(all[0].certificates.authorities.last?.replacing("/two.pem", with: ""))
    #expect(directory.hasSuffix("/etc/containerd/certs.d/a.example"))
    #expect(all[0].certificates.authorities.first == "/etc/one.pem")
    #expect(
      all[0].certificates.clients == [
        .init(certificate: directory + "/c.cert", key: "/k.key"),
        .init(certificate: directory + "/both.pem", key: directory + "/both.pem"),
        .init(certificate: directory + "/single.pem", key: directory + "/single.pem"),
      ])
    #expect(all[0].skipsVerification && !all[1].skipsVerification)
    #expect(all[0].headers.map(\.name) == ["Authorization", "x-custom", "x-custom"])
    #expect(all[0].headers.map(\.value.exposed) == ["Basic c2VjcmV0", "a", "b"])
    #expect(!"\(all[0])".contains("c2VjcmV0"))
    // The file authorizes already.
    #expect(all[0].credentialScope == nil)
    #expect(all[1].headers.isEmpty && all[1].credentialScope != nil)
  }

  @Test func anHTTPHostWithTLSSettingsIsAskedOverTLSFirst() throws {
    let all = try hosts(
      """
      [host."http://m.example:5000"]
        skip_verify = true
      [host."http://m.example:80"]
        skip_verify = true
      [host."http://m.example:81"]
      [host."https://localhost:5000"]
      """)
    #expect(all.map(\.scheme) == [.https, .http, .http, .https, .https])
    #expect(all.map(\.fallsBackToHTTP) == [true, false, false, false, false])
  }

  @Test(arguments: [
    ("a.example_5000_", "a.example:5000", true), ("a.example:5000", "a.example:5000", true),
    ("_default", "a.example:5000", true), ("a.example", "a.example:5000", false),
    ("docker.io", "docker.io/library", true),
  ]) func aRegistrysDirectoryHasItsNameInOneOfItsForms(_ directory: String, _ name: String, _ counts: Bool)
    throws
  {
    let all = try hosts("[host.\"https://m.example\"]\n", for: directory, name + "/x:1")
    #expect(all.map(\.isMirror) == (counts ? [true, false] : [false]))
  }

  @Test func theServerMayBeDockerHubUnderEitherName() throws {
    for server in ["https://docker.io", "https://registry-1.docker.io"] {
      let all = try hosts("server = \"\(server)\"\n", for: "docker.io", "busybox")
      #expect(all.map(\.apiURL) == ["https://registry-1.docker.io/v2"])
      #expect(all[0].credentialScope?.registry == "docker.io" && !all[0].isMirror)
    }
  }

  @Test func aDirectoryWithoutHostsTomlHasCertificates() throws {
    try withMachine { machine in
      let directory = machine.root + "/etc/containerd/certs.d/a.example"
      for name in ["ca.crt", "both.cert", "pair.cert", "pair.key"] {
        try machine.write(directory + "/" + name, "")
      }
      let all = try endpoints(machine, "a.example/x")
      #expect(all.map(\.apiURL) == ["https://a.example/v2"])
      #expect(all[0].certificates.authorities == [directory + "/ca.crt"])
      #expect(
        all[0].certificates.clients == [
          .init(certificate: directory + "/both.cert", key: directory + "/both.cert"),
          .init(certificate: directory + "/pair.cert", key: directory + "/pair.key"),
        ])
    }
  }

  @Test(arguments: [
    (
      "[host.\"https://m\"]\ncapabilities = [\"fly\"]",
      "capabilities may have pull, resolve, push and referrers, not \"fly\""
    ),
    ("[host.\"ftp://m\"]", "\"ftp://m\": expected a URL that begins with https:// or http://"),
    ("[host.\"https://user:hunter2@m\"]", "is not a registry"),
    ("[host.\"https://m/a?b\"]", "expected a URL without a query and a fragment"),
    ("[host.\"https://m/../a\"]", "expected a path without \"..\""),
    (
      "[host.\"https://m\"]\nclient = [[\"a\"]]",
      "client may have paths, and pairs of paths of a certificate and its key"
    ),
    ("[host.\"https://m\"]\nca = 1", "ca has to be a text or a list of texts"),
    ("[host.\"https://m\".header]\nx = \"a\\r\\nb\"", "x is no header"),
    ("[host.\"https://m\".header]\n\"x y\" = \"a\"", "x y is no header"),
    ("server = [", "it is not valid TOML"),
  ]) func aMistakeInHostsTomlIsAnErrorAndNotPassedOver(_ text: String, _ reason: String) throws {
    let error = try #require(message { try hosts(text) })
    #expect(error.contains("/certs.d/a.example/hosts.toml: ") && error.contains(reason))
  }

  @Test func errorsSayWhatTheUsersCommandReports() {
    let blocked = SettingsError.blocked(image: "a/b", prefix: "a")
    guard case .denied = blocked.transferError else {
      Issue.record("\(blocked.transferError)")
      return
    }
    #expect(blocked.description.contains("registries.conf"))
  }
}
