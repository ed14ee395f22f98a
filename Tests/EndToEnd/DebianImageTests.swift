import Foundation
import Testing

extension EndToEndTests {
  /// A whole Debian, by debootstrap, in both image worlds.
  @Suite("Debian's image", .serialized)
  struct DebianImageTests {
    private static let name = "example.com/os/debian"

    private func withRegistry(_ body: (KontorProcess, PlainHTTP) async throws -> Void) async throws {
      var settings = KontorProcess.Settings()
      settings.environment = ["KONTOR_APPC_HOSTS": "example.com"]
      try await KontorProcess.with(settings) { kontor in try await body(kontor, PlainHTTP(kontor.endpoint)) }
    }

    @Test("it becomes an ACI as docker2aci makes one, and again an image, which runc and systemd-nspawn run")
    func thereAndBack() async throws {
      try Tool.require(.debootstrap, .tar, .umoci, .find, .runc, .nspawn)
      try await KontorClient.with { client in
        let (root, layout) = ("\(client.home)/root", "\(client.home)/layout")
        try await Tool.debootstrap.run("--variant=minbase", "bookworm", root)
        try await makeImage(of: root, in: layout, client)
        try await withRegistry { first, http in
          try await client.run("push", "oci:\(layout):debian", first.endpoint.reference("os/debian:12"))
          let path = "/aci/\(Self.name)/12/linux/amd64/image.aci"
          let aci = try await http.send("GET", path)
          #expect(aci.status == 200)
          try await expectACI(aci.body, of: root, in: "\(client.home)/unpacked")

          // Another registry gets it as an ACI.
          try await withRegistry { second, http in
            #expect(try await http.send("PUT", path, body: aci.body).status == 201)
            #expect(try await http.send("GET", path).body == aci.body)
            try await expectRuns(second.endpoint.reference("os/debian:12"), client)
          }
        }
      }
    }

    private func makeImage(of root: String, in layout: String, _ client: KontorClient) async throws {
      let archive = "\(client.home)/root.tar"
      try await Tool.tar.run("-C", root, "--numeric-owner", "-cf", archive, ".")
      try await client.run(
        "copy", "rootfs-tar:\(archive)", "oci:\(layout):debian", "--created", "2026-01-31T12:00:00Z",
        "--entrypoint", "/usr/bin/env", "--entrypoint", "GREETING=hello from Debian", "--cmd", "sh", "--cmd",
        "-c", "--cmd", "echo \"$GREETING\" $(cat /etc/debian_version | cut -d. -f1)", "--env",
        "PATH=/usr/bin:/bin", "--env", "X=a=b c", "--workdir", "/srv", "--user", "0:daemon", "--label",
        "org.example.purpose=test")
      try await Tool.umoci.run(
        "config", "--image", "\(layout):debian", "--config.volume", "/data", "--config.volume", "/var/lib/x",
        "--config.exposedports", "80/tcp", "--config.exposedports", "53/udp", "--author", "A <a@example.com>")
    }

    /// Compares each field with what docker2aci's mapping (lib/internal/internal.go, `GenerateManifestV22`, and for the author
    /// and the labels `GenerateManifest`, whose names are those of the specification) makes of the image, and the tree with
    /// the directory that the image was made of.
    private func expectACI(_ aci: Data, of root: String, in directory: String) async throws {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try aci.write(to: URL(filePath: "\(directory)/image.aci"))
      try await Tool.tar.run(
        "-C", directory, "--numeric-owner", "--delay-directory-restore", "-xpzf", "\(directory)/image.aci")
      let bytes = try Data(contentsOf: URL(filePath: "\(directory)/manifest"))
      var manifest = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
      func pairs(_ key: String) throws -> [String: String] {
        let list = try #require(manifest.removeValue(forKey: key) as? [[String: String]])
        return Dictionary(uniqueKeysWithValues: list.map { ($0["name"] ?? "", $0["value"] ?? "") })
      }
      #expect(try pairs("labels") == ["version": "12", "os": "linux", "arch": "amd64"])
      var annotations = try pairs("annotations")
      for key in ["imageid", "manifesthash"] {
        #expect(annotations.removeValue(forKey: "appc.io/docker/\(key)")?.hasPrefix("sha256:") == true)
      }
      #expect(
        annotations == [
          "authors": "A <a@example.com>", "created": "2026-01-31T12:00:00Z",
          "appc.io/docker/originalname": "\(Self.name):12", "appc.io/docker/registryurl": "example.com",
          "appc.io/docker/repository": "os/debian",
          "appc.io/docker/entrypoint": #"["/usr/bin/env","GREETING=hello from Debian"]"#,
          "appc.io/docker/cmd":
            #"["sh","-c","echo \"$GREETING\" $(cat /etc/debian_version | cut -d. -f1)"]"#,
        ])
      let app: [String: Any] = [
        "exec": [
          "/usr/bin/env", "GREETING=hello from Debian", "sh", "-c",
          "echo \"$GREETING\" $(cat /etc/debian_version | cut -d. -f1)",
        ],
        "user": "0", "group": "daemon", "workingDirectory": "/srv",
        "environment": [["name": "PATH", "value": "/usr/bin:/bin"], ["name": "X", "value": "a=b c"]],
        "mountPoints": [
          ["name": "volume-data", "path": "/data"], ["name": "volume-var-lib-x", "path": "/var/lib/x"],
        ],
        "ports": [
          ["name": "53-udp", "protocol": "udp", "port": 53, "count": 1, "socketActivated": false],
          ["name": "80-tcp", "protocol": "tcp", "port": 80, "count": 1, "socketActivated": false],
        ] as [[String: Any]],
        "userLabels": ["org.example.purpose": "test"],
      ]
      let expected: [String: Any] = [
        "acKind": "ImageManifest", "acVersion": "0.8.11", "name": Self.name, "app": app,
      ]
      #expect(manifest as NSDictionary == expected as NSDictionary)

      // Devices' names of docker2aci's are in /dev beside what was there.
      let links = ["stdin", "stdout", "stderr", "fd"]
      for name in links {
        let link = "\(directory)/rootfs/dev/\(name)"
        #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil)
      }
      let (own, original) = (try await tree("\(directory)/rootfs"), try await tree(root))
      #expect(original.count > 1000 && own.subtracting(original) == [] && original.subtracting(own) == [])
    }

    /// Names, kinds, modes, owners, sizes and links of all but devices.
    private func tree(_ root: String) async throws -> Set<String> {
      let found = try await Tool.find.run(
        root, "-path", "\(root)/dev", "-prune", "-o", "-type", "f", "-printf", "f %m %U:%G %Ts %s %P\n", "-o",
        "-printf", "%y %m %U:%G %P %l\n")
      return Set(found.text.split(separator: "\n").map(String.init))
    }

    private func expectRuns(_ reference: String, _ client: KontorClient) async throws {
      let bundle = "\(client.home)/bundle"
      try await client.run("pull", reference, "--to", "runc:\(bundle)")
      let run = try await Tool.runc.run(
        "--root", "\(client.home)/state", "run", "--bundle", bundle, "kontor-\(getpid())-debian")
      #expect(run.text == "hello from Debian 12\n")
      let machine = "\(client.home)/machine"
      try await client.run("pull", reference, "--to", "nspawn:\(machine)")
      let booted = try await Tool.nspawn.run(
        "-q", "-D", machine, "--register=no", "--keep-unit", "--settings=override")
      #expect(booted.text.contains("hello from Debian 12"))
    }
  }
}
