import Foundation
import Testing

extension EndToEndTests {
  /// Every form of an image that `kontor push` and `copy` read beside registries and layouts, as other programs write it.
  @Suite("sources", .serialized)
  struct ImportTests {
    /// Runs `body` with an empty registry and a client.
    private func withRegistry(
      _ body: (Endpoint, KontorClient, TestImage) async throws -> Void
    ) async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          try await body(kontor.endpoint, client, images)
          client.expectNoStaging()
        }
      }
    }

    /// What an image of the registry prints when runc runs it.
    private func output(of reference: String, _ client: KontorClient) async throws -> String {
      try Tool.require(.runc)
      let name = UUID().uuidString
      try await client.run("pull", reference, "--to", "runc:\(client.home)/\(name)")
      return try await Tool.runc.run(
        "--root", "\(client.home)/state", "run", "--bundle", "\(client.home)/\(name)", "kontor-\(name)"
      ).text
    }

    @Test("an OCI archive of skopeo's keeps its digest", arguments: ["plain", "gzip"])
    func ociArchive(form: String) async throws {
      try Tool.require(.skopeo, .tar)
      try await withRegistry { endpoint, client, images in
        var archive = "\(client.home)/hello.tar"
        try await Tool.skopeo.run("copy", images.source("hello"), "oci-archive:\(archive):trade/hello:v1")
        if form == "gzip" {
          let directory = "\(client.home)/unpacked"
          try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
          try await Tool.tar.run("-xf", archive, "-C", directory)
          archive += ".gz"
          try await Tool.tar.run("-czf", archive, "-C", directory, ".")
        }
        let reference = endpoint.reference("trade/hello:v1")
        let digest = sha256(try images.manifestBytes(images.hello))
        for source in ["oci-archive:\(archive)", "oci-archive:\(archive):trade/hello:v1"] {
          #expect(try await client.run("push", source, reference) == digest)
        }
        #expect(try await output(of: reference, client) == images.greeting + "\n")

        let none = try await client.attempt(["push", "oci-archive:\(archive):other", reference])
        #expect(none.exit == .code(3) && none.error.contains("trade/hello:v1"), "\(none.error)")
      }
    }

    @Test("an archive for Docker of skopeo's runs as it did")
    func dockerArchive() async throws {
      try Tool.require(.skopeo)
      try await withRegistry { endpoint, client, images in
        let archive = "\(client.home)/hello.tar"
        try await Tool.skopeo.run("copy", images.source("second"), "docker-archive:\(archive):trade/hello:v1")
        let reference = endpoint.reference("trade/hello:v1")
        let digest = try await client.run("push", "docker-archive:\(archive)", reference)
        #expect(try await client.run("push", "docker-archive:\(archive):trade/hello:v1", reference) == digest)
        #expect(try await output(of: reference, client) == images.greeting + "\n")
        let wrong = try await client.attempt(["push", "oci-archive:\(archive)", reference])
        #expect(wrong.exit == .code(1) && wrong.error.contains("docker-archive:"), "\(wrong.error)")
      }
    }

    @Test("what docker save writes is pushed with the ID that Docker gave it; of several images one is named")
    func dockerSave() async throws {
      try Tool.require(.docker, .dockerd)
      try await withRegistry { endpoint, client, images in
        let loaded = "\(client.home)/loaded.tar"
        let saved = "\(client.home)/saved.tar"
        try await client.run("copy", images.source("hello"), "docker-archive:\(loaded):trade/hello:v1")
        try await client.run("copy", images.source("second"), "docker-archive:\(loaded)2:trade/second:v1")
        var id = ""
        try await DockerDaemon.with { docker in
          try await docker.run("load", "--input", loaded)
          try await docker.run("load", "--input", "\(loaded)2")
          try await docker.run("save", "--output", saved, "trade/hello:v1", "trade/second:v1")
          id = try await docker.run("image", "inspect", "--format", "{{.Id}}", "trade/hello:v1").text
        }
        let reference = endpoint.reference("trade/hello:v1")
        let unnamed = try await client.attempt(["push", "docker-archive:\(saved)", reference])
        #expect(unnamed.exit == .code(3) && unnamed.error.contains("trade/second:v1"), "\(unnamed.error)")
        try await client.run("push", "docker-archive:\(saved):trade/hello:v1", reference)
        let manifest = try await client.run("inspect", reference, "--raw")
        #expect(manifest.contains(id.trimmingCharacters(in: .newlines)))
        #expect(try await output(of: reference, client) == images.greeting + "\n")
      }
    }

    @Test("a root file system becomes one image, the same each time, that runs what --entrypoint says")
    func rootFSTar() async throws {
      try Tool.require(.tar)
      try await withRegistry { endpoint, client, images in
        let archive = "\(client.home)/root.tar"
        try await client.run("copy", images.source("hello"), "rootfs-tar:\(archive)")
        let reference = endpoint.reference("trade/made:v1")
        let arguments = [
          "push", "rootfs-tar:\(archive)", reference, "--entrypoint", "/bin/sh", "--entrypoint", "-c",
          "--cmd",
          "echo $GREETING from $(/bin/busybox pwd)", "--env", "GREETING=good day", "--workdir", "/bin",
          "--label", "org.example.kind=made", "--user", "0:0",
        ]
        let first = try await client.attempt(arguments)
        let second = try await client.attempt(arguments)
        #expect(first.exit == .code(0), "\(first.error)")
        #expect(first.output == second.output && first.output.hasPrefix("sha256:"))
        #expect(try await output(of: reference, client) == "good day from /bin\n")
        let config = try await client.run("inspect", reference, "--config")
        #expect(config.contains(#""org.example.kind":"made""#) && !config.contains("created\":"))

        let dated = try await client.attempt(arguments + ["--created", "2026-01-31T12:00:00Z"])
        #expect(dated.exit == .code(0) && dated.output != first.output, "\(dated.error)")
        let foreign = try await client.attempt(arguments + ["--platform", "linux/s390x"])
        #expect(foreign.exit == .code(0) && foreign.output != first.output, "\(foreign.error)")
        #expect(try await client.run("inspect", reference, "--config").contains(#""architecture":"s390x""#))
      }
    }

    @Test("options that have no meaning for a source, and places that are none, are refused")
    func refused() async throws {
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        for (arguments, code, words) in [
          ([images.source("hello"), "--cmd", "/bin/sh"], 2, "rootfs-tar:FILE"),
          (["rootfs:\(client.home)"], 2, "not be read from there"),
          (["rootfs-tar:/dev/null", "--env", "=x"], 2, "expected name=value"),
          (["rootfs-tar:/dev/null", "--workdir", "bin"], 2, "begins with /"),
          (["rootfs-tar:/dev/null", "--created", "yesterday"], 2, "such as 2026-01-31T12:00:00Z"),
          (["rootfs-tar:/dev/null"], 1, "empty archive"),
          (["oci-archive:\(client.home)/none.tar"], 3, "there is no file"),
        ] {
          let result = try await client.attempt(
            ["push"] + arguments.prefix(1) + ["127.0.0.1:1/x:v1"] + arguments.dropFirst())
          #expect(result.exit == .code(Int32(code)), "\(arguments): \(result.error)")
          #expect(result.error.contains(words), "\(arguments): \(result.error)")
        }
        client.expectNoStaging()
      }
    }
  }
}
