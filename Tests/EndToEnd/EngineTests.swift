import Foundation
import Testing

extension EndToEndTests {
  /// Container engines, which `kontor` gives images and takes images from.
  @Suite("engines", .serialized)
  struct EngineTests {
    /// Runs `body` with a registry that has the images `hello` and `multi`, and a client.
    private func withImages(
      _ body: (Endpoint, KontorClient, TestImage) async throws -> Void
    ) async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          for name in [images.hello, images.multi] {
            try await client.run("push", images.source(name), kontor.endpoint.reference("trade/\(name):v1"))
          }
          try await body(kontor.endpoint, client, images)
        }
      }
    }

    private func configDigest(_ images: TestImage) throws -> String {
      try #require(try images.layout.manifest(sha256(images.manifestBytes(images.hello))).config?.digest)
    }

    /// Expects that a command fails.
    private func expectFailure(
      _ client: KontorClient, _ arguments: [String], code: Int32, _ words: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let result = try await client.attempt(arguments)
      #expect(result.exit == .code(code), "\(result.error)", sourceLocation: sourceLocation)
      #expect(result.error.contains(words), "\(result.error)", sourceLocation: sourceLocation)
    }

    @Test("Docker runs what it is given, and gives it back with its ID")
    func docker() async throws {
      try Tool.require(.docker, .dockerd)
      try await withImages { endpoint, plain, images in
        try await DockerDaemon.with { docker in
          var client = plain
          client.environment["DOCKER_HOST"] = "unix://\(docker.socket)"
          let reference = endpoint.reference("trade/hello:v1")
          try await client.run("pull", reference, "--to", "docker-daemon:trade/hello:given")
          let run = try await docker.run("run", "--rm", "--network", "none", "trade/hello:given")
          #expect(run.text == images.greeting + "\n")
          let id = try await docker.run("image", "inspect", "--format", "{{.Id}}", "trade/hello:given").text
          #expect(try id == configDigest(images) + "\n")

          // Without a tag it is the one that Docker means, not all that the name has.
          try await docker.run("tag", "trade/hello:given", "trade/hello")
          let back = endpoint.reference("trade/back:v1")
          let digest = try await client.run("push", "docker-daemon:trade/hello", back)
          #expect(try await client.run("push", "docker-daemon:trade/hello:given", back) == digest)
          #expect(try await client.run("inspect", back, "--raw").contains(configDigest(images)))

          try await expectFailure(
            client, ["push", "docker-daemon:trade/none:v1", back], code: 3, "Docker has no image")
          client.expectNoStaging()
        }
        var client = plain
        client.environment["DOCKER_HOST"] = "unix://\(client.home)/none.sock"
        for arguments in [
          ["pull", endpoint.reference("trade/hello:v1"), "--to", "docker-daemon:hello"],
          ["push", "docker-daemon:hello", endpoint.reference("trade/back:v1")],
        ] {
          try await expectFailure(
            client, arguments, code: 1, "Docker does not answer at \(client.home)/none.sock")
        }
      }
    }

    @Test("containerd runs what it is given, and gives it back with its digest")
    func containerd() async throws {
      try Tool.require(.containerd, .ctr)
      try await withImages { endpoint, plain, images in
        let digest = sha256(try images.manifestBytes(images.hello))
        let back = endpoint.reference("trade/back:v1")
        try await ContainerdDaemon.with { containerd in
          var client = plain
          client.environment["CONTAINERD_ADDRESS"] = containerd.address
          let reference = endpoint.reference("trade/hello:v1")
          let pull = try await client.attempt(["pull", reference, "--to", "containerd:hello:given"])
          #expect(
            pull.exit == .code(0) && pull.error.contains("CONTAINERD_NAMESPACE=k8s.io"), "\(pull.error)")
          let name = "docker.io/library/hello:given"
          let run = try await containerd.run(["run", "--rm", "--snapshotter", "native", name, "greeting"])
          #expect(run.text == images.greeting + "\n")
          #expect(try await client.run("push", "containerd:hello:given", back) == digest)

          client.environment["CONTAINERD_NAMESPACE"] = "k8s.io"
          try await expectFailure(
            client, ["push", "containerd:hello:given", back], code: 3,
            "no image \(name) in its namespace k8s.io")
          let quiet = try await client.attempt(["pull", reference, "--to", "containerd:hello:given"])
          #expect(quiet.exit == .code(0) && !quiet.error.contains("note:"), "\(quiet.error)")
          #expect(try await client.run("push", "containerd:hello:given", back) == digest)

          try await multi(endpoint, client, images, containerd)
          client.expectNoStaging()
        }
        var client = plain
        client.environment["CONTAINERD_ADDRESS"] = "\(client.home)/none.sock"
        for arguments in [
          ["pull", endpoint.reference("trade/hello:v1"), "--to", "containerd:hello"],
          ["push", "containerd:hello", back],
        ] {
          try await expectFailure(client, arguments, code: 1, "does not answer at \(client.home)/none.sock")
        }
      }
    }

    /// Of an image for several platforms, containerd has them all, or only its machine's.
    private func multi(
      _ endpoint: Endpoint, _ client: KontorClient, _ images: TestImage, _ containerd: ContainerdDaemon
    ) async throws {
      let multi = endpoint.reference("trade/multi:v1")
      let back = endpoint.reference("trade/back:multi")
      var client = client
      client.environment["CONTAINERD_NAMESPACE"] = "part"
      try await containerd.run(["-n", "part", "content", "fetch", "--plain-http", multi])
      try await expectFailure(client, ["push", "containerd:\(multi)", back], code: 3, "with --platform")
      let hello = sha256(try images.manifestBytes(images.hello))
      let machine = try await client.run("inspect", endpoint.reference("trade/hello:v1"), "--format", "json")
      let platform = machine.contains(#""platform":"linux/arm64""#) ? "linux/arm64" : "linux/amd64"
      #expect(try await client.run("push", "containerd:\(multi)", back, "--platform", platform) == hello)

      client.environment["CONTAINERD_NAMESPACE"] = "whole"
      try await containerd.run(["-n", "whole", "content", "fetch", "--plain-http", "--all-platforms", multi])
      #expect(
        try await client.run("push", "containerd:\(multi)", back)
          == sha256(images.manifestBytes(images.multi)))
    }

    @Test("podman has what it is given with its digest, and gives it back with its ID")
    func podman() async throws {
      try Tool.require(.podman)
      try await withImages { endpoint, plain, images in
        try await Podman.with { podman in
          var client = plain
          client.environment = podman.environment
          let name = "trade.example/hello:given"
          try await client.run("pull", endpoint.reference("trade/hello:v1"), "--to", "podman:\(name)")
          let got = try await podman.run(["image", "inspect", "--format", "{{.Digest}} sha256:{{.Id}}", name])
          let digest = sha256(try images.manifestBytes(images.hello))
          #expect(try got.text == "\(digest) \(configDigest(images))\n")

          let back = endpoint.reference("trade/back:v1")
          let pushed = try await client.run("push", "podman:\(name)", back)
          #expect(try await client.run("push", "podman:\(name)", back) == pushed)
          #expect(try await client.run("inspect", back, "--raw").contains(configDigest(images)))

          try await expectFailure(
            client, ["push", "podman:hello:none", back], code: 3, "podman has no image")
          client.expectNoStaging()
        }
      }
    }

    @Test("a program that breaks off leaves its engine without the image")
    func breaksOff() async throws {
      try Tool.require(.podman, .containerd, .ctr)
      try await withImages { endpoint, plain, images in
        var client = plain
        let programs = "\(client.home)/bin"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        for tool in [Tool.podman, .ctr] {
          let script = "#!/bin/sh\nhead -c 100000 | \(try tool.path()) \"$@\"\nkill -9 $$\n"
          let file = "\(client.home)/script"
          try Data(script.utf8).write(to: URL(filePath: file))
          try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
          // A process of its own writes it: one that is open for writing cannot be started.
          try await Tool.cp.run(file, "\(programs)/\(tool.rawValue)")
        }
        client.environment["PATH"] = "\(programs):/usr/bin:/bin"
        let pull = ["pull", endpoint.reference("trade/hello:v1"), "--to"]
        try await ContainerdDaemon.with { containerd in
          client.environment["CONTAINERD_ADDRESS"] = containerd.address
          try await expectFailure(client, pull + ["containerd:hello:v1"], code: 1, "ctr failed (signal 9)")
          #expect(try await containerd.run(["images", "ls", "--quiet"]).text == "")
        }
        try await Podman.with { podman in
          client.environment.merge(podman.environment) { $1 }
          try await expectFailure(client, pull + ["podman:hello:v1"], code: 1, "podman failed (signal 9)")
          #expect(try await podman.run(["images", "--quiet"]).text == "")
        }
        client.environment["PATH"] = client.home
        try await expectFailure(client, pull + ["podman:hello:v1"], code: 1, "in the package podman")
        try await expectFailure(client, pull + ["containerd:hello:v1"], code: 1, "in the package containerd")
      }
    }

    @Test("a directory of skopeo's, both ways, keeps its digest")
    func directory() async throws {
      try Tool.require(.skopeo)
      try await withImages { endpoint, client, images in
        let made = "\(client.home)/made"
        try await client.run("pull", endpoint.reference("trade/hello:v1"), "--to", "dir:\(made)")
        let raw = try await Tool.skopeo.run("inspect", "--raw", "dir:\(made)")
        #expect(raw.standardOutput == (try images.manifestBytes(images.hello)))
        try await Tool.skopeo.run("copy", "dir:\(made)", "oci:\(client.home)/layout:hello")

        for name in [images.hello, images.multi] {
          let directory = "\(client.home)/of-skopeo-\(name)"
          try await Tool.skopeo.run("copy", "--all", images.source(name), "dir:\(directory)")
          let pushed = try await client.run(
            "push", "dir:\(directory)", endpoint.reference("trade/back:\(name)"))
          #expect(try pushed == sha256(images.manifestBytes(name)))
        }
        try await expectFailure(
          client, ["push", "dir:\(client.home)", endpoint.reference("trade/back:v1")], code: 3,
          "no manifest.json")
        try await expectFailure(
          client, ["copy", "dir:\(made)", "dir:\(made)"], code: 1, "is there already")
        client.expectNoStaging()
      }
    }

    @Test("places that are none, and names that an engine cannot give, are refused")
    func refused() async throws {
      let digest = "sha256:" + String(repeating: "0", count: 64)
      try await KontorClient.with { client in
        try await expectFailure(
          client, ["copy", "oci:x", "containers-storage:x"], code: 2, "podman:REFERENCE")
        try await expectFailure(client, ["copy", "oci:x", "sif:x"], code: 2, "docker-daemon:NAME[:TAG]")
        try await expectFailure(client, ["copy", "oci:x", "podman:X"], code: 2, "library/X")
        try await expectFailure(
          client, ["copy", "oci:x", "containerd:x@\(digest)"], code: 2, "leave out the digest")
      }
    }
  }
}
