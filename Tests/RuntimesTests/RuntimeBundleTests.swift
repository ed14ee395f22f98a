import ContainerImage
import Foundation
import Testing

@testable import Runtimes

@Suite struct RuntimeBundleTests {
  /// What an image decides in a bundle; the rest has to be that of `runc spec`.
  private func document(_ bytes: Data) throws -> NSMutableDictionary {
    let document = try JSONSerialization.jsonObject(with: bytes) as? [String: Any]
    let result = NSMutableDictionary(dictionary: try #require(document))
    for key in ["ociVersion", "hostname", "root", "annotations"] { result.removeObject(forKey: key) }
    var process = try #require(result["process"] as? [String: Any])
    for key in ["terminal", "args", "env", "cwd", "user"] { process[key] = nil }
    result["process"] = process
    return result
  }

  @Test(arguments: [false, true])
  func allButWhatTheImageSaysIsThatOfRuncSpec(_ rootless: Bool) async throws {
    try await withDirectory { directory in
      try await Program.runc.run(["spec"] + (rootless ? ["--rootless"] : []), in: directory)
      try fill(directory + "/rootfs", [:])
      var options = RuntimeBundle.Options()
      if rootless { options.rootless = .currentUser }
      let bundle = try RuntimeBundle(config(), root: RootDirectory(directory + "/rootfs"), options: options)
      let expected = try document(Data(contentsOf: URL(filePath: directory + "/config.json")))
      let actual = try document(Data(bundle.json()))
      #expect(actual == expected)
    }
  }

  @Test func whatTheImageSaysIsInTheBundle() async throws {
    try await withRoot(accounts) { root in
      var image = config {
        $0.entrypoint = ["/bin/app", "-x"]
        $0.command = ["a b"]
        $0.environment = ["PATH=/bin", "A=é\"/"]
        $0.workingDirectory = "/srv"
        $0.user = "app"
        $0.exposedPorts = ["80/tcp": .init(), "53/udp": .init()]
        $0.stopSignal = "SIGUSR1"
        $0.labels = ["org.opencontainers.image.author": "the label", "a": "b"]
      }
      image.author = "the author"
      image.created = "2024-05-06T07:08:09Z"
      image.variant = "v3"
      var options = RuntimeBundle.Options()
      options.hostname = "ship"
      let bundle = try RuntimeBundle(image, root: root, options: options)
      // Read back from the text, as runtimes do.
      let read = try JSONDecoder().decode(RuntimeSpecification.self, from: Data(bundle.json()))
      #expect(read == bundle.specification)
      #expect(read.ociVersion == "1.0.2")
      #expect(read.process.args == ["/bin/app", "-x", "a b"])
      #expect(read.process.env == ["PATH=/bin", "A=é\"/", "HOME=/home/app"])
      #expect(read.process.cwd == "/srv")
      #expect(read.process.user == .init(uid: 1000, gid: 1001, additionalGids: [1001, 10, 29]))
      #expect(read.process.terminal == false)
      #expect(read.hostname == "ship")
      #expect(read.root == .init(path: "rootfs", readonly: false))
      let prefix = "org.opencontainers.image."
      #expect(
        read.annotations == [
          prefix + "os": "linux", prefix + "architecture": image.architecture, prefix + "variant": "v3",
          prefix + "author": "the label", prefix + "created": "2024-05-06T07:08:09Z",
          prefix + "stopSignal": "SIGUSR1", prefix + "exposedPorts": "53/udp,80/tcp", "a": "b",
        ])
    }
  }

  /// An image must not tell the runtime how to run it.
  @Test func labelsThatRuntimesObeyAreLeftOutAndSaid() async throws {
    try await withRoot { root in
      let labels = [
        "org.systemd.property.ExecStopPost": "x", "run.oci.handler": "x", "dev.gvisor.flag.debug": "x",
        "io.katacontainers.config.hypervisor.path": "x", "io.kubernetes.cri-o.userns-mode": "x",
        "run.other": "y",
      ]
      let bundle = try RuntimeBundle(config { $0.labels = labels }, root: root)
      #expect(bundle.omittedLabels == labels.filter { $0.value == "x" }.keys.sorted())
      #expect(bundle.specification.annotations?["run.other"] == "y")
      #expect(bundle.specification.annotations?.values.contains("x") == false)
    }
  }

  @Test func aTerminalIsForWhoAsks() async throws {
    try await withRoot { root in
      var options = RuntimeBundle.Options()
      options.terminal = true
      options.arguments = ["sh", "-l"]
      let process = try RuntimeBundle(config(), root: root, options: options).specification.process
      #expect(process.terminal)
      #expect(process.args == ["sh", "-l"])
      #expect(process.env.contains("TERM=xterm"))
    }
  }

  @Test func aRootlessBundleHasOnlyUsersThatAreMapped() async throws {
    try await withRoot(accounts) { root in
      var options = RuntimeBundle.Options()
      options.rootless = .currentUser
      let plain = try RuntimeBundle(config(), root: root, options: options).specification
      #expect(plain.process.user == .init(uid: 0, gid: 0, additionalGids: nil))
      #expect(plain.linux.uidMappings == [.init(containerID: 0, hostID: geteuid(), size: 1)])
      #expect(plain.linux.gidMappings == [.init(containerID: 0, hostID: getegid(), size: 1)])
      for user in ["app", "0:10", "1000:0"] {
        let words = refusal { try RuntimeBundle(config { $0.user = user }, root: root, options: options) }
        #expect(words.contains("has no such user"), "\(words)")
      }
      let own = RuntimeSpecification.IDMapping(containerID: 0, hostID: 5, size: 1)
      let more = RuntimeSpecification.IDMapping(containerID: 1, hostID: 100_000, size: 65_535)
      options.rootless = RootlessIDs(uids: [own, more], gids: [own, more])
      let mapped = try RuntimeBundle(config { $0.user = "app" }, root: root, options: options).specification
      #expect(mapped.process.user == .init(uid: 1000, gid: 1001, additionalGids: nil))
      #expect(mapped.linux.uidMappings == [own, more])
      #expect(
        refusal { try RuntimeBundle(config { $0.user = "65536" }, root: root, options: options) }
          .contains("65536:0"))
    }
  }

  @Test func volumesAreMountedOuterOnesFirst() async throws {
    try await withRoot { root in
      let names = [
        "/data/in/", "data", "/data/./in/../in", "/", "/proc/x", "/sys", "/dev/shm", "/device", "/a",
      ]
      let image = config { $0.volumes = Dictionary(uniqueKeysWithValues: names.map { ($0, .init()) }) }
      let bundle = try RuntimeBundle(image, root: root)
      #expect(bundle.volumes.map(\.path) == ["/a", "/data", "/data/in", "/device"])
      #expect(bundle.volumes.map(\.source) == ["volumes/0", "volumes/1", "volumes/2", "volumes/3"])
      let mounts = bundle.specification.mounts.suffix(4)
      #expect(mounts.map(\.destination) == bundle.volumes.map(\.path))
      #expect(mounts.allSatisfy { $0.type == "bind" && $0.options?.contains("rbind") == true })
    }
  }

  @Test func volumesBeginWithWhatTheImageHasThere() async throws {
    try await withDirectory { directory in
      try fill(directory + "/rootfs", ["/data/a": "outer", "/data/in/b": "inner", "/real/c": "linked"])
      try FileManager.default.createSymbolicLink(
        atPath: directory + "/rootfs/link", withDestinationPath: "/real")
      let inner = directory + "/rootfs/data/in"
      #expect(chown(inner, 1000, 1001) == 0 && chmod(inner, 0o1770) == 0)
      let root = try RootDirectory(directory + "/rootfs")
      let image = config {
        $0.volumes = ["/data": .init(), "/data/in": .init(), "/link": .init(), "/new/x": .init()]
      }
      let bundle = try RuntimeBundle(image, root: root)
      try bundle.makeVolumes(of: root, in: directory)

      func text(_ path: String) throws -> String {
        try String(contentsOfFile: directory + path, encoding: .utf8)
      }
      #expect(try text("/volumes/0/a") == "outer")
      #expect(try text("/volumes/1/b") == "inner")
      #expect(try text("/volumes/2/c") == "linked")
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/volumes/3") == [])
      // The places to mount at are there, empty, and as they were.
      for place in ["/rootfs/data", "/volumes/0/in", "/rootfs/real", "/rootfs/new/x"] {
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + place) == [], "\(place)")
      }
      for place in ["/volumes/1", "/volumes/0/in"] {
        var status = stat()
        #expect(lstat(directory + place, &status) == 0)
        #expect(status.st_uid == 1000 && status.st_gid == 1001 && status.st_mode & 0o7777 == 0o1770)
      }
    }
  }

  @Test func volumesStayWithinTheImage() async throws {
    try await withDirectory { directory in
      try fill(directory + "/outside", ["/secret": ""])
      try fill(directory + "/rootfs", ["/file": ""])
      #expect(symlink(directory + "/outside", directory + "/rootfs/absolute") == 0)
      #expect(symlink("../outside", directory + "/rootfs/relative") == 0)
      #expect(symlink("/", directory + "/rootfs/everything") == 0)
      let root = try RootDirectory(directory + "/rootfs")
      for path in ["/absolute", "/relative", "/everything", "/file"] {
        let bundle = try RuntimeBundle(config { $0.volumes = [path: .init()] }, root: root)
        #expect(throws: (any Error).self, "\(path)") { try bundle.makeVolumes(of: root, in: directory) }
        #expect(access(directory + "/outside/secret", F_OK) == 0)
        try FileManager.default.removeItem(atPath: directory + "/volumes")
      }
    }
  }
}
