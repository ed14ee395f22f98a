import Foundation
import Testing

extension EndToEndTests {
  /// What operators install: the unit, as systemd runs it, and the container.
  @Suite("deployment", .serialized)
  struct DeployTests {
    /// The sum of systemd's weights for what the unit leaves open, times ten: Internet sockets, the network and so on. 100 is a unit
    /// that closes nothing.
    private static let exposure = 15

    @Test("systemd finds no mistake in the unit, and little that it leaves open")
    func analysis() async throws {
      try await Scratch.withDirectory("unit") { directory in
        let unit = "\(directory)/kontor.service"
        let text = try DeployFile.text(
          "kontor.service", replacing: [("/usr/local/bin/kontor", try KontorProcess.binary())])
        try Data(text.utf8).write(to: URL(filePath: unit))
        let verified = try await Tool.systemdAnalyze.run("verify", unit)
        #expect(verified.errorText == "")
        // Fails beyond the threshold.
        try await Tool.systemdAnalyze.run(
          "security", "--offline=true", "--threshold=\(Self.exposure)", unit)
      }
    }

    @Test("the service as it is installed: a user without privileges, who serves all that there is")
    func service() async throws {
      try await SystemdMachine.with { machine in
        let authority = try await PrivateCA.shared
        try await exercise(
          machine, Endpoint(transport: .http, host: "127.0.0.1", port: 5000, authority: authority))
        #expect(try await machine.status["CapBnd"] == "0000000000000000")
      }
    }

    @Test("the service with the unit's examples, killed for any system call that its filter leaves out")
    func serviceWithExamples() async throws {
      let examples = try DeployFile.text("kontor.service").split(separator: "\n")
        .filter { $0.contains(/^#[A-Z][A-Za-z]*=/) }.map { $0.dropFirst() }
      for setting in ["LoadCredential", "Environment", "AmbientCapabilities"] {
        #expect(examples.contains { $0.hasPrefix("\(setting)=") })
      }
      let changes = ["SystemCallErrorNumber=", "Environment=KONTOR_SERVER_LISTEN=127.0.0.1:443"]
      let authority = try await PrivateCA.shared
      try await SigningKey.with { key in
        let tagKey = "\(key.home)/tags.pem"
        try await Tool.openssl.run(
          "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", tagKey)
        let files = [
          "tls.crt": authority.serverCertificate, "tls.key": authority.serverKey, "aci.asc": key.secret,
          "tags.pem": tagKey,
        ]
        let dropIn = (examples.map(String.init) + changes).joined(separator: "\n")
        try await SystemdMachine.with(dropIn: dropIn, files: files) { machine in
          let endpoint = Endpoint(transport: .https, host: "127.0.0.1", port: 443, authority: authority)
          try await exercise(machine, endpoint)
          // CAP_NET_BIND_SERVICE alone.
          #expect(try await machine.status["CapBnd"] == "0000000000000400")
          try await machine.curl(endpoint, "/aci/localhost/trade/api/v1/linux/amd64/image.aci.asc")
          #expect(machine.log.contains("signing lists of tags"))
        }
      }
    }

    /// Uses all of a server that has system calls of its own, and expects that it is still the first one.
    private func exercise(_ machine: SystemdMachine, _ endpoint: Endpoint) async throws {
      try Tool.require(.skopeo, .curl, .busybox)
      let images = try await TestImage.shared
      let source = images.source(images.hello)
      for repository in ["trade/api", "trade/other"] {
        try await machine.run(
          .network, try Tool.skopeo.path(),
          ["--insecure-policy", "copy"] + endpoint.trustFlags(side: "dest-")
            + [source, endpoint.docker("\(repository):v1")])
      }
      try await KontorClient.with { client in
        let flags = endpoint.transport == .http ? ["--plain-http"] : endpoint.clientFlags
        func kontor(_ arguments: String...) async throws -> String {
          try await machine.run(
            .network, try KontorProcess.binary(), arguments + flags, environment: client.variables
          ).text
        }
        let layout = "\(client.home)/layout"
        let digest = try images.layout.descriptor(tag: images.hello).digest
        #expect(
          try await kontor("pull", endpoint.reference("trade/api:v1"), "--to", "oci:\(layout):v1")
            == "\(digest)\n")
        _ = try await kontor("delete", endpoint.reference("trade/other:v1"))
        // An upload whose length is not known before, and larger than what is handed to the disk at once.
        var generator = SeededGenerator(seed: 31)
        let (blob, file) = (generator.data(20_000_000), "\(client.home)/blob")
        try blob.write(to: URL(filePath: file))
        try await machine.curl(
          endpoint, "/v2/trade/api/blobs/uploads/?digest=\(sha256(blob))", "-X", "POST", "-H",
          "Transfer-Encoding: chunked", "-H", "Content-Type: application/octet-stream", "--data-binary",
          "@\(file)")
        #expect(
          try await machine.curl(endpoint, "/v2/trade/api/blobs/\(sha256(blob))").standardOutput == blob)
      }
      try await machine.curl(endpoint, "/metrics")
      try await machine.curl(endpoint, "/aci/localhost/trade/api/v1/linux/amd64/image.aci")
      let program = "/usr/local/bin/kontor"
      let collected = try await machine.run(
        .everything, program, ["gc", "--grace", "0s", "--data", "/var/lib/kontor"])
      #expect(collected.text.hasPrefix("removed "))
      let scrubbed = try await machine.run(.everything, program, ["scrub", "--data", "/var/lib/kontor"])
      #expect(scrubbed.text.contains(" 0 damaged"))
      try await machine.run(.everything, "/usr/bin/systemctl", ["reload", "kontor"])
      try await machine.curl(endpoint, "/readyz")

      let state = try await machine.state
      #expect(state["ActiveState"] == "active" && state["NRestarts"] == "0", "\(machine.log)")
      let status = try await machine.status
      #expect(status["Uid"] != "0" && status["NoNewPrivs"] == "1" && status["Seccomp"] == "2")
    }

    @Test("the container, without privileges: its data is a volume, and SIGTERM ends it in good order")
    func container() async throws {
      try Tool.require(.podman, .curl, .skopeo)
      let images = try await TestImage.shared
      try await Scratch.withDirectory("image") { directory in
        // What the first stage makes, which takes a compiler and a network, is made of the program under test. The last stage is
        // built as it is.
        try await Tool.bash.run(
          DeployFile.path("container-root"), try KontorProcess.binary(), "\(directory)/build/image")
        let archive = "\(directory)/kontor.tar"
        try await Podman.with { podman in
          try await podman.run([
            "build", "-f", DeployFile.path("Containerfile"), "-t", "kontor", "--build-context",
            "build=\(directory)/build", directory,
          ])
          try await podman.run(["save", "-o", archive, "localhost/kontor"])
        }
        try await DockerDaemon.with { docker in
          try await docker.run("load", "-i", archive)
          let user = try await docker.run("image", "inspect", "-f", "{{.Config.User}}", "localhost/kontor")
          #expect(user.text == "5000:5000\n")
          try await docker.run(
            "run", "-d", "--name", "registry", "--network", "host", "--read-only", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges", "-e", "KONTOR_SERVER_LISTEN=127.0.0.1:0",
            "-v", "kontor-data:/data", "localhost/kontor")
          func start() async throws -> Endpoint {
            let deadline = ContinuousClock.now + .seconds(60)
            while true {
              let output = try await docker.run("logs", "registry")
              let lines = (output.text + output.errorText).matches(
                of: /listening on http:\/\/127.0.0.1:(\d+)\n/)
              if let port = lines.last.flatMap({ Int($0.1) }) {
                return Endpoint(
                  transport: .http, host: "127.0.0.1", port: port, authority: try await PrivateCA.shared)
              }
              try #require(ContinuousClock.now < deadline, "\(output.errorText)")
              try await Task.sleep(for: .milliseconds(50))
            }
          }
          func stop() async throws {
            try await docker.run("stop", "-t", "30", "registry")
            let code = try await docker.run("inspect", "-f", "{{.State.ExitCode}}", "registry").text
            #expect(code == "0\n")
          }
          let first = try await start()
          try await Command(
            tool: .skopeo,
            arguments: ["--insecure-policy", "copy"] + first.trustFlags(side: "dest-")
              + [images.source(images.hello), first.docker("trade/hello:v1")]
          ).run()
          try await stop()
          // Another container has the same data.
          try await docker.run("rm", "registry")
          try await docker.run(
            "run", "-d", "--name", "registry", "--network", "host", "-e", "KONTOR_SERVER_LISTEN=127.0.0.1:0",
            "-v", "kontor-data:/data", "localhost/kontor")
          let tags = try await Curl(endpoint: try await start()).expect(
            200, "GET", "/v2/trade/hello/tags/list")
          #expect(try tags.json(TagList.self).tags == ["v1"])
          try await stop()
        }
      }
    }
  }
}

extension SystemdMachine {
  /// What the kernel says of the service's process, each with its first value.
  fileprivate var status: [String: String] {
    get async throws {
      let pid = try #require(try await state["MainPID"])
      let text = try await run(.everything, try Tool.busybox.path(), ["cat", "/proc/\(pid)/status"]).text
      let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
        let parts = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
        return parts.count > 1 ? (String(parts[0]), String(parts[1])) : nil
      }
      return Dictionary(pairs) { first, _ in first }
    }
  }

  /// Asks the server; throws unless it answers with a success.
  @discardableResult
  fileprivate func curl(
    _ endpoint: Endpoint, _ path: String, _ arguments: String...
  ) async throws -> Command.Output {
    try await run(
      .network, try Tool.curl.path(),
      ["-sSf", "--cacert", endpoint.authority.certificate] + arguments + [endpoint.url(path)])
  }
}
