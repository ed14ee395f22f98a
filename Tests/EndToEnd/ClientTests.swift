import Foundation
import Testing

extension EndToEndTests {
  /// `kontor` as a client, of this registry and of another one.
  @Suite("client", .serialized)
  struct ClientTests {
    @Test("push, look at it, pull: what skopeo and umoci read is what went in", arguments: Transport.allCases)
    func pushAndPull(over transport: Transport) async throws {
      try Tool.require(.skopeo, .umoci)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        try await KontorClient.with { client in
          let (endpoint, flags) = (kontor.endpoint, kontor.endpoint.clientFlags)
          let hello = endpoint.reference("trade/hello:v1")
          let digest = sha256(try images.manifestBytes(images.hello))
          #expect(
            try await client.attempt(["push", images.source("hello"), hello] + flags).output == digest + "\n")

          let raw = try await Command(
            tool: .skopeo,
            arguments: ["inspect", "--raw"] + endpoint.trustFlags() + [endpoint.docker("trade/hello:v1")]
          ).run()
          #expect(raw.standardOutput == (try images.manifestBytes(images.hello)))

          let layout = "\(client.home)/pulled"
          #expect(
            try await client.attempt(["pull", hello, "--to", "oci:\(layout):hello"] + flags).output
              == digest + "\n")
          try await Tool.umoci.run(
            "unpack", "--rootless", "--image", "\(layout):hello", "\(client.home)/bundle")
          let greeting = try await Tool.chroot.run("\(client.home)/bundle/rootfs", "/bin/echo", "unpacked")
          #expect(greeting.text == "unpacked\n")

          let tags = try await client.attempt(["tags", endpoint.reference("trade/hello")] + flags)
          #expect(tags.output == "v1\n")
          let inspected = try await client.attempt(["inspect", hello, "--format", "json"] + flags)
          #expect(inspected.output.contains(#""digest":"\#(digest)""#))
          let manifest = try await client.attempt(["inspect", hello, "--raw"] + flags)
          #expect(Data(manifest.output.utf8) == (try images.manifestBytes(images.hello)))
        }
      }
    }

    @Test("a registry whose certificate is not trusted is not asked, and the message says what to do")
    func untrusted() async throws {
      try await KontorProcess.with(.https) { kontor in
        try await KontorClient.with { client in
          let result = try await client.attempt(["tags", kontor.endpoint.reference("trade/hello")])
          #expect(result.exit == .code(1))
          #expect(result.error.contains("not trusted") && result.error.contains("--ca-cert"))
        }
      }
    }

    @Test("certificates of certs.d are used as Docker and podman use them")
    func certificateDirectories() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with(.https) { kontor in
        try await KontorClient.with { client in
          let directory = "\(client.home)/.config/containers/certs.d/\(kontor.endpoint.hostAndPort)"
          try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
          try FileManager.default.copyItem(
            atPath: kontor.endpoint.authority.certificate, toPath: "\(directory)/ca.crt")
          try await client.run("push", images.source("hello"), kontor.endpoint.reference("trade/hello"))
          #expect(try await client.run("tags", kontor.endpoint.reference("trade/hello")) == "latest")
        }
      }
    }

    @Test("from Debian's docker-registry to this one and back, whole indexes, digests unchanged")
    func otherRegistries() async throws {
      let images = try await TestImage.shared
      let index = sha256(try images.manifestBytes(images.multi))
      try await DockerRegistryServer.with { other in
        try await KontorProcess.with { kontor in
          try await KontorClient.with { client in
            let there = "\(other.hostAndPort)/trade/multi:v1"
            let here = kontor.endpoint.reference("trade/multi:v1")
            let back = "\(other.hostAndPort)/trade/back:v1"
            #expect(try await client.run("push", images.source("multi"), there) == index)
            #expect(try await client.run("copy", "docker://\(there)", "docker://\(here)") == index)
            #expect(try await client.run("copy", here, back) == index)
            // The other registry has it already: a mount, or nothing at all.
            let again = try await client.attempt(["copy", here, back, "--format", "json"])
            #expect(again.output.contains(#""blobs":0,"#), "\(again.output)")
            #expect(try await client.run("repos", other.hostAndPort) == "trade/back\ntrade/multi")

            // Pulled, it is the image for this machine alone.
            let one = try await client.run("pull", there, "--to", "oci:\(client.home)/one:v1")
            #expect(one == sha256(try images.manifestBytes(images.hello)))
            let all = try await client.run(
              "pull", there, "--all-platforms", "--to", "oci:\(client.home)/all:v1")
            #expect(all == index)
            let s390x = try await client.attempt([
              "pull", there, "--platform", "linux/s390x", "--to", "oci:\(client.home)/s390x:v1", "-q",
            ])
            #expect(s390x.exit == .code(0) && s390x.error == "" && s390x.output != one + "\n")
            let none = try await client.attempt(["pull", there, "--platform", "linux/riscv64"])
            #expect(none.exit == .code(3) && none.error.contains("linux/s390x"))
          }
        }
      }
    }

    @Test("tags are set, moved and deleted; referrers follow the image on request")
    func tagsAndReferrers() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let name = kontor.endpoint.reference("trade/hello")
          let digest = try await client.run("push", images.source("hello"), "\(name):v1")
          #expect(try await client.run("tag", "\(name):v1", "v2", "stable") == digest)
          #expect(try await client.run("tags", name, "--format", "json") == #"{"tags":["stable","v1","v2"]}"#)
          try await client.run("delete", "\(name):v2")
          #expect(try await client.run("tags", name) == "stable\nv1")

          let http = PlainHTTP(kontor.endpoint)
          let blob = Data("{}".utf8)
          #expect(try await http.pushBlob("trade/hello", blob).status == 201)
          var signature = OCILayout.Manifest(
            mediaType: OCILayout.MediaType.manifest, artifactType: "application/vnd.example.signature",
            config: .init(blob, mediaType: OCILayout.MediaType.empty),
            layers: [.init(blob, mediaType: OCILayout.MediaType.empty)])
          signature.subject = try images.layout.descriptor(tag: images.hello)
          signature.subject?.annotations = nil
          let bytes = try signature.encoded()
          #expect(try await http.pushManifest("trade/hello", sha256(bytes), bytes).status == 201)
          let line = "\(sha256(bytes)) application/vnd.example.signature"
          #expect(try await client.run("referrers", "\(name):v1") == line)
          #expect(try await client.run("referrers", "\(name):v1", "--artifact-type", "other/type") == "")

          // To a registry without the API they go, too, and are found by the tag that stands for it.
          try await DockerRegistryServer.with { other in
            let copy = "\(other.hostAndPort)/trade/copy"
            try await client.run("copy", "\(name):v1", "\(copy):v1")
            #expect(try await client.run("referrers", "\(copy):v1") == "")
            try await client.run("copy", "--referrers", "\(name):v1", "\(copy):v1")
            #expect(try await client.run("referrers", "\(copy):v1") == line)
          }
          try await client.run("copy", "--referrers", "\(name):v1", "oci:\(client.home)/layout:v1")
          let back = kontor.endpoint.reference("trade/back")
          try await client.run("copy", "--referrers", "oci:\(client.home)/layout:v1", "\(back):v1")
          #expect(try await client.run("referrers", "\(back):v1") == line)
          try await client.run("delete", "\(name)@\(digest)")
          let gone = try await client.attempt(["inspect", "\(name):v1"])
          #expect(gone.exit == .code(3))
        }
      }
    }

    @Test("a login is tried, kept where skopeo finds it too, used, and forgotten")
    func login() async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      try await DockerRegistryServer.with(.passwords) { registry in
        try await KontorClient.with { client in
          let image = "\(registry.hostAndPort)/trade/hello:v1"
          let before = try await client.attempt(["push", images.source("hello"), image])
          #expect(before.exit == .code(4) && before.error.contains("kontor login"), "\(before.error)")

          let login = [
            "login", registry.hostAndPort, "--username", DockerRegistryServer.user, "--password-stdin",
          ]
          let wrong = try await client.attempt(login, input: Data("guess".utf8))
          #expect(wrong.exit == .code(4), "\(wrong.error)")
          #expect(!FileManager.default.fileExists(atPath: "\(client.home)/auth.json"))

          let right = try await client.attempt(
            login, input: Data((DockerRegistryServer.password + "\n").utf8))
          #expect(right.exit == .code(0) && !right.error.contains(DockerRegistryServer.password))
          let attributes = try FileManager.default.attributesOfItem(atPath: "\(client.home)/auth.json")
          #expect(attributes[.posixPermissions] as? Int == 0o600)
          try await client.run("push", images.source("hello"), image)
          #expect(try await client.run("tags", "\(registry.hostAndPort)/trade/hello") == "v1")
          let raw = try await Command(
            tool: .skopeo, arguments: ["inspect", "--raw", "--tls-verify=false", "docker://\(image)"],
            environment: ["REGISTRY_AUTH_FILE": "\(client.home)/auth.json"]
          ).run()
          #expect(raw.standardOutput == (try images.manifestBytes(images.hello)))

          try await client.run("logout", registry.hostAndPort)
          let after = try await client.attempt(["tags", "\(registry.hostAndPort)/trade/hello"])
          #expect(after.exit == .code(4))
        }
      }
    }

    @Test("on a full disk a pull ends with the reason, and the next one with more room is whole")
    func fullDisk() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let reference = kontor.endpoint.reference("trade/hello:v1")
          try await client.run("push", images.source("hello"), reference)
          try await Mounts.withTmpfs(size: "200k") { directory in
            let layout = "\(directory)/layout"
            let full = try await client.attempt(["pull", reference, "--to", "oci:\(layout):v1"])
            #expect(full.exit == .code(1) && full.error.contains("no space"), "\(full.error)")
            #expect((try? OCILayout(path: layout).index().manifests?.isEmpty) ?? true)
            try await Mounts.resize(directory, to: "64m")
            let digest = try await client.run("pull", reference, "--to", "oci:\(layout):v1")
            #expect(try OCILayout(path: layout).descriptor(tag: "v1").digest == digest)
          }
        }
      }
    }

    @Test("a dry run changes nothing, and says what it would do")
    func dryRun() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let result = try await client.attempt([
            "push", "--dry-run", images.source("second"), kontor.endpoint.reference("trade/second"),
          ])
          #expect(result.exit == .code(0))
          #expect(result.error.contains("would copy sha256:"))
          #expect(try await client.run("repos", kontor.endpoint.hostAndPort) == "")
        }
      }
    }

    @Test(
      "what cannot be done ends with its exit code and a reason, and leaves nothing",
      arguments: [
        (["pull", "HOST/trade/none"], 3, "NAME_UNKNOWN"), (["tags", "HOST/trade/none"], 3, "NAME_UNKNOWN"),
        (["pull", "HOST/Trade"], 2, "repository name"), (["pull", "HOST/a:b:c"], 2, "repository name"),
        (["pull"], 2, "Missing"), (["pull", "HOST/a", "--to", "ostree:x"], 2, "transport ostree"),
        (["pull", "HOST/a", "--platform", "linux"], 2, "linux/amd64"),
        (["pull", "HOST/a", "--platform", "linux/amd64", "--all-platforms"], 2, "exclude"),
        (["pull", "HOST/a", "--jobs", "0"], 2, "--jobs"), (["delete", "HOST/trade/none"], 2, "no tag"),
        (["push", "oci:/nowhere:x", "HOST/a"], 3, "/nowhere"), (["copy", "runc:x", "HOST/a"], 2, "read"),
        (["tags", "127.0.0.1:1/a"], 1, "127.0.0.1:1/a"),
        (["login", "HOST", "-u", "me"], 2, "--password-stdin"),
        (["logout", "HOST"], 3, "no login"), (["inspect", "oci:/nowhere"], 3, "/nowhere"),
      ])
    func failures(arguments: [String], code: Int32, reason: String) async throws {
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let before = try FileManager.default.contentsOfDirectory(atPath: ".")
          let words = arguments.map { $0.replacing("HOST", with: kontor.endpoint.hostAndPort) }
          let result = try await client.attempt(words)
          #expect(result.exit == .code(code), "\(result.error)")
          #expect(result.error.contains(reason), "\(result.error)")
          #expect(result.output == "")
          #expect(try FileManager.default.contentsOfDirectory(atPath: ".") == before)
          client.expectNoStaging()
        }
      }
    }
  }
}
