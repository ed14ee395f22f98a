import Foundation
import Testing

extension EndToEndTests {
  /// Every place that `kontor pull --to` makes an image into, read or run by the program that it is for.
  @Suite("destinations", .serialized)
  struct ExportTests {
    /// Runs `body` with a registry that has the image `hello`, and a client.
    private func withImage(
      _ body: (_ reference: String, KontorClient, TestImage) async throws -> Void
    ) async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let reference = kontor.endpoint.reference("trade/hello:v1")
          try await client.run("push", images.source("hello"), reference)
          try await body(reference, client, images)
          client.expectNoStaging()
        }
      }
    }

    @Test("a bundle that runc runs")
    func runc() async throws {
      try Tool.require(.runc)
      try await withImage { reference, client, images in
        let bundle = "\(client.home)/bundle"
        try await client.run("pull", reference, "--to", "runc:\(bundle)")
        let state = "\(client.home)/state"
        let run = try await Command(
          tool: .runc, arguments: ["--root", state, "run", "--bundle", bundle, "kontor-\(getpid())"]
        ).run()
        #expect(run.text == images.greeting + "\n")

        let again = try await client.attempt(["pull", reference, "--to", "runc:\(bundle)"])
        #expect(again.exit == .code(1) && again.error.contains("is there already"))
      }
    }

    @Test("a root file system for chroot, and as a tar archive, the same each time")
    func rootFS() async throws {
      try Tool.require(.chroot, .tar)
      try await withImage { reference, client, images in
        let root = "\(client.home)/root"
        try await client.run("pull", reference, "--to", "rootfs:\(root)")
        #expect(try await Tool.chroot.run(root, "/bin/echo", "inside").text == "inside\n")

        var archives: [Data] = []
        for name in ["one.tar.gz", "two.tar.gz"] {
          try await client.run("pull", reference, "--to", "rootfs-tar:\(client.home)/\(name)")
          archives.append(try Data(contentsOf: URL(filePath: "\(client.home)/\(name)")))
        }
        #expect(archives[0] == archives[1])
        let unpacked = "\(client.home)/unpacked"
        try FileManager.default.createDirectory(atPath: unpacked, withIntermediateDirectories: true)
        try await Tool.tar.run("-xzf", "\(client.home)/one.tar.gz", "-C", unpacked)
        #expect(try await Tool.chroot.run(unpacked, "/bin/echo", "again").text == "again\n")
      }
    }

    @Test("a container that lxc-execute runs")
    func lxc() async throws {
      try Tool.require(.lxcExecute)
      try await withImage { reference, client, images in
        try await client.run("pull", reference, "--to", "lxc:\(client.home)/lxc-hello")
        let run = try await Tool.lxcExecute.run("-P", client.home, "-n", "lxc-hello")
        #expect(run.text == images.greeting + "\n")
      }
    }

    @Test("a directory that systemd-nspawn runs, with its settings")
    func nspawn() async throws {
      try Tool.require(.nspawn, .umoci)
      try await withImage { reference, client, images in
        // systemd-nspawn wants a /usr, which the small image has not.
        let layout = "\(client.home)/layout"
        try await client.run("copy", reference, "oci:\(layout):hello")
        try FileManager.default.createDirectory(
          atPath: "\(client.home)/usr/share", withIntermediateDirectories: true)
        try await Tool.umoci.run("insert", "--image", "\(layout):hello", "\(client.home)/usr", "/usr")
        let root = "\(client.home)/nspawn-hello"
        try await client.run("copy", "oci:\(layout):hello", "nspawn:\(root)")
        let settings = try String(contentsOfFile: "\(root).nspawn", encoding: .utf8)
        #expect(settings.contains("Parameters=") && settings.contains("greetings"))
        let run = try await Tool.nspawn.run(
          "-q", "-D", root, "--register=no", "--keep-unit", "--settings=override")
        #expect(run.text.contains(images.greeting))
      }
    }

    @Test("an archive that docker load takes")
    func docker() async throws {
      try Tool.require(.docker, .dockerd)
      try await withImage { reference, client, images in
        let archive = "\(client.home)/hello.tar"
        try await client.run("pull", reference, "--to", "docker-archive:\(archive):trade/hello:loaded")
        try await DockerDaemon.with { docker in
          try await docker.run("load", "--input", archive)
          let run = try await docker.run("run", "--rm", "--network", "none", "trade/hello:loaded")
          #expect(run.text == images.greeting + "\n")
          let id = try await docker.run("image", "inspect", "--format", "{{.Id}}", "trade/hello:loaded").text
          let config = try images.layout.manifest(sha256(images.manifestBytes(images.hello))).config
          #expect(id == (config?.digest ?? "") + "\n")
        }
      }
    }

    @Test("an OCI archive that ctr and skopeo take")
    func ociArchive() async throws {
      try Tool.require(.containerd, .ctr, .skopeo)
      try await withImage { reference, client, images in
        let archive = "\(client.home)/hello.tar"
        try await client.run("pull", reference, "--to", "oci-archive:\(archive):trade.example/hello:v1")
        let raw = try await Tool.skopeo.run("inspect", "--raw", "oci-archive:\(archive)")
        #expect(raw.standardOutput == (try images.manifestBytes(images.hello)))
        try await ContainerdDaemon.with { containerd in
          try await containerd.run(["image", "import", "--snapshotter", "native", archive])
          let run = try await containerd.run([
            "run", "--rm", "--snapshotter", "native", "trade.example/hello:v1", "greeting",
          ])
          #expect(run.text == images.greeting + "\n")
        }
      }
    }

    @Test("an image tarball for LXD has its metadata and its root file system")
    func lxd() async throws {
      try Tool.require(.tar)
      try await withImage { reference, client, images in
        let file = "\(client.home)/hello.tar.gz"
        try await client.run("pull", reference, "--to", "lxd-image:\(file)")
        let names = try await Tool.tar.run("-tzf", file).text.split(separator: "\n")
        #expect(names.first == "metadata.yaml" && names.contains("templates/"))
        #expect(names.contains("rootfs/bin/busybox"))
        let metadata = try await Tool.tar.run("-xzOf", file, "metadata.yaml").text
        #expect(metadata.contains("architecture:") && metadata.contains("creation_date:"))
      }
    }
  }
}
