import Foundation
import Testing

extension EndToEndTests {
  /// Images carried in archives to where no network leads.
  @Suite("air gap", .serialized)
  struct AirGapTests {
    /// The registry on the other side.
    enum Inside: String, CaseIterable, Sendable {
      case kontor
      case dockerRegistry = "docker-registry"

      func with(_ body: (_ hostAndPort: String) async throws -> Void) async throws {
        switch self {
        case .kontor: try await KontorProcess.with { try await body($0.endpoint.hostAndPort) }
        case .dockerRegistry: try await DockerRegistryServer.with { try await body($0.hostAndPort) }
        }
      }
    }

    private struct Outside {
      let kontor: KontorProcess
      let client: KontorClient
      let images: TestImage

      func name(_ name: String) -> String { kontor.endpoint.reference(name) }

      /// Pushes what refers to an image, and returns its digest.
      func attach(to subject: OCILayout.Descriptor, in repository: String, _ content: String) async throws
        -> OCILayout.Descriptor
      {
        let http = PlainHTTP(kontor.endpoint)
        let blobs = [Data("{}".utf8), Data(content.utf8)]
        for blob in blobs { #expect(try await http.pushBlob(repository, blob).status == 201) }
        var manifest = OCILayout.Manifest(
          mediaType: OCILayout.MediaType.manifest, artifactType: "application/vnd.example.signature",
          config: .init(blobs[0], mediaType: OCILayout.MediaType.empty),
          layers: [.init(blobs[1], mediaType: "text/plain")])
        manifest.subject = subject
        manifest.subject?.annotations = nil
        let bytes = try manifest.encoded()
        #expect(try await http.pushManifest(repository, sha256(bytes), bytes).status == 201)
        return .init(bytes, mediaType: OCILayout.MediaType.manifest)
      }
    }

    /// Runs `body` with a registry that has the images `base/hello:v1`, `team/multi:v1` and, with hello's layer,
    /// `team/second:v1`.
    private func withOutside(_ body: (Outside) async throws -> Void) async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          for (tag, name) in [
            ("hello", "base/hello:v1"), ("multi", "team/multi:v1"), ("second", "team/second:v1"),
          ] {
            try await client.run("push", images.source(tag), kontor.endpoint.reference(name))
          }
          try await body(Outside(kontor: kontor, client: client, images: images))
          client.expectNoStaging()
        }
      }
    }

    private func entries(_ archive: String) async throws -> [String] {
      try await Tool.tar.run("-tf", archive).text.split(separator: "\n").map(String.init)
    }

    private func layer(_ images: TestImage, _ tag: String) throws -> [String] {
      let manifest = try images.layout.manifest(images.layout.descriptor(tag: tag).digest)
      return (manifest.layers ?? []).map(\.digest)
    }

    @Test(
      "several images with what refers to them: skopeo reads the archive, and what is imported",
      arguments: Inside.allCases)
    func several(inside: Inside) async throws {
      try Tool.require(.skopeo, .tar)
      try await withOutside { outside in
        let (client, images) = (outside.client, outside.images)
        let signature = try await outside.attach(
          to: images.layout.descriptor(tag: "hello"), in: "base/hello", "signed")
        let countersignature = try await outside.attach(to: signature, in: "base/hello", "countersigned")
        let archive = "\(client.home)/images.tar"
        let names = ["base/hello:v1", "team/multi:v1", "team/second:v1"].map(outside.name)
        let list = "\(client.home)/list"
        try Data("# what they need\n\(names[1])\n\n  \(names[2]) # newer\n".utf8).write(
          to: URL(filePath: list))
        let written = try await client.attempt([
          "copy", names[0], "--from-file", list, "--referrers", "--to", "archive:\(archive)",
        ])
        #expect(written.exit == .code(0), "\(written.error)")
        let digests = try ["hello", "multi", "second"].map { sha256(try images.manifestBytes($0)) }
        #expect(written.output == zip(digests, names).map { "\($0) \($1)\n" }.joined())

        let entries = try await entries(archive)
        #expect(Set(entries).count == entries.count && entries.last == "index.json")
        #expect(!entries.contains("kontor.json"))
        // The same again are the same bytes.
        let again = try await client.attempt(
          ["copy", "--referrers", "-q", "--to", "archive:\(archive)2", "--from-file", "-"],
          input: Data(names.reversed().joined(separator: "\n").utf8))
        #expect(again.exit == .code(0) && again.error == "", "\(again.error)")
        #expect(FileManager.default.contentsEqual(atPath: archive, andPath: archive + "2"))

        for (name, tag) in zip(names, ["hello", "multi", "second"]) {
          let raw = try await Tool.skopeo.run("inspect", "--raw", "oci-archive:\(archive):\(name)")
          #expect(raw.standardOutput == (try images.manifestBytes(tag)))
        }
        try await Tool.skopeo.run(
          "--insecure-policy", "copy", "--all", "oci-archive:\(archive):\(names[1])", "dir:\(client.home)/dir"
        )
        for source in ["oci-archive:\(archive):\(names[2])", "archive:\(archive):\(names[2])"] {
          #expect(try await client.run("copy", source, "oci:\(client.home)/layout:second") == digests[2])
        }
        #expect(try await client.run("inspect", "archive:\(archive):\(names[0])", "--raw").contains("layers"))

        try await inside.with { host in
          let target = "\(host)/mirror"
          let planned = try await client.attempt(["copy", "archive:\(archive)", "--to", target, "--dry-run"])
          #expect(
            planned.exit == .code(0) && planned.error.contains("would copy sha256:"), "\(planned.error)")
          #expect(try await client.run("repos", host) == "")

          let imported = try await client.attempt([
            "copy", "archive:\(archive)", "--to", target, "--format", "json", "--jobs", "2",
          ])
          #expect(imported.exit == .code(0), "\(imported.error)")
          #expect(imported.output.contains(#""name":"\#(target)/team/multi:v1","digest":"\#(digests[1])""#))
          for (name, tag) in [
            ("base/hello:v1", "hello"), ("team/multi:v1", "multi"), ("team/second:v1", "second"),
          ] {
            let raw = try await Tool.skopeo.run(
              "inspect", "--raw", "--tls-verify=false", "docker://\(target)/\(name)")
            #expect(raw.standardOutput == (try images.manifestBytes(tag)))
          }
          try await Tool.skopeo.run(
            "--insecure-policy", "copy", "--src-tls-verify=false", "docker://\(target)/team/second:v1",
            "dir:\(client.home)/second")
          let type = "application/vnd.example.signature"
          #expect(
            try await client.run("referrers", "\(target)/base/hello:v1") == "\(signature.digest) \(type)")
          #expect(
            try await client.run("referrers", "\(target)/base/hello@\(signature.digest)")
              == "\(countersignature.digest) \(type)")

          let second = try await client.attempt([
            "copy", "archive:\(archive)", "--to", target, "--format", "json",
          ])
          #expect(second.output.contains(#""blobs":0,"bytes":0,"#), "\(second.output)")
          // One of them by itself, under a name of its own.
          #expect(
            try await client.run("push", "archive:\(archive):\(names[0])", "\(host)/own:v2") == digests[0])
        }
      }
    }

    @Test(
      "what the other side has is not carried again, and is found in other repositories",
      arguments: Inside.allCases)
    func incremental(inside: Inside) async throws {
      try Tool.require(.skopeo, .tar)
      try await withOutside { outside in
        let (client, images) = (outside.client, outside.images)
        let (hello, second) = (outside.name("base/hello:v1"), outside.name("team/second:v1"))
        let (shared, new) = (try layer(images, "hello")[0], try layer(images, "second")[1])
        let digest = sha256(try images.manifestBytes("second"))
        func entry(_ digest: String) -> String { "blobs/" + digest.replacing(":", with: "/") }
        let home = client.home
        try await inside.with { host in
          try await client.run(
            "copy", hello, "--to", "archive:\(home)/first.tar", "--inventory", "\(home)/brought")
          try await client.run("copy", "archive:\(home)/first.tar", "--to", "\(host)/mirror")
          let inventory = try await client.run("inventory", host, "-q") + "\n"
          #expect(inventory.hasPrefix("kontor-inventory 1\n"))
          #expect(inventory.contains("\(host)/mirror/base/hello \(shared)\n"))
          try Data(inventory.utf8).write(to: URL(filePath: "\(home)/inventory"))
          let one = try await client.run("inventory", "\(host)/mirror/base/hello", "-q") + "\n"
          #expect(one == inventory)

          // By the other side's inventory, by what was written with the earlier archive, or by that archive.
          for (number, since) in ["inventory", "brought", "first.tar"].enumerated() {
            let archive = "\(home)/second-\(number).tar"
            let written = try await client.attempt([
              "copy", second, "--to", "archive:\(archive)", "--since", "\(home)/\(since)", "--inventory",
              "\(home)/next", "--format", "json",
            ])
            #expect(
              written.exit == .code(0) && written.output.contains(#""omitted":1,"#),
              "\(written.output)\(written.error)")
            let entries = try await entries(archive)
            #expect(!entries.contains(entry(shared)) && entries.contains(entry(new)))
            #expect(entries.contains("kontor.json") && entries.last == "index.json")
            let target = "\(host)/mirror\(number == 1 ? "" : "/again\(number)")"
            // Below another prefix, an archive that knows the outer names alone cannot be completed.
            let result = try await client.attempt([
              "copy", "archive:\(archive)", "--to", target, "--format", "json",
            ])
            if number == 2 {
              #expect(result.exit == .code(3) && result.error.contains("kontor inventory"), "\(result.error)")
              continue
            }
            #expect(result.exit == .code(0), "\(result.error)")
            try await Tool.skopeo.run(
              "--insecure-policy", "copy", "--src-tls-verify=false", "docker://\(target)/team/second:v1",
              "dir:\(home)/dir-\(number)")
            #expect(
              try await client.run("inspect", "\(target)/team/second:v1", "--raw", "-q").contains(shared))
          }

          // Now the other side has all of it, as the list says that was written with the archive.
          let nothing = try await client.attempt([
            "copy", second, hello, "--to", "archive:\(home)/third.tar", "--since", "\(home)/next", "--format",
            "json",
          ])
          #expect(nothing.output.contains(#""blobs":0,"bytes":0,"omitted":4,"#), "\(nothing.output)")
          try await client.run("copy", "archive:\(home)/third.tar", "--to", "\(host)/mirror")
        }

        // Where the base is not, nothing is named, and the message says what to do.
        try await inside.with { host in
          let failed = try await client.attempt(["copy", "archive:\(home)/second-0.tar", "--to", host])
          #expect(failed.exit == .code(3), "\(failed.error)")
          for words in [shared, "of \(second) was left out", "kontor inventory", "without --since"] {
            #expect(failed.error.contains(words), "\(failed.error)")
          }
          let tags = try await client.attempt(["tags", "\(host)/team/second"])
          #expect(tags.exit == .code(3) || tags.output == "")
          let local = try await client.attempt([
            "copy", "archive:\(home)/second-0.tar", "oci:\(home)/local:second",
          ])
          #expect(local.exit == .code(3) && local.error.contains(shared), "\(local.error)")
          // With the base first, it goes on.
          try await client.run("copy", "archive:\(home)/first.tar", "--to", "\(host)/mirror")
          try await client.run("copy", "archive:\(home)/second-0.tar", "--to", host)
          #expect(
            try await client.run("copy", "\(host)/team/second:v1", "oci:\(home)/local:second") == digest)
        }
      }
    }

    @Test("images of two registries keep their names apart, and go from there to a third at once")
    func names() async throws {
      try await withOutside { outside in
        let client = outside.client
        try await DockerRegistryServer.with { other in
          try await client.run("push", outside.images.source("second"), "\(other.hostAndPort)/base/hello:v1")
          let names = [outside.name("base/hello:v1"), "\(other.hostAndPort)/base/hello:v1"]
          let archive = "archive:\(client.home)/images.tar"
          try await client.run("copy", names[0], names[1], "--to", archive)
          try await KontorProcess.with { kontor in
            let host = kontor.endpoint.hostAndPort
            for sources in [[archive], names] {
              let refused = try await client.attempt(["copy"] + sources + ["--to", "\(host)/all"])
              #expect(refused.exit == .code(1) && refused.error.contains("--scoped"), "\(refused.error)")
              #expect(try await client.run("repos", host) == "")
            }
            for sources in [[archive], names] {
              let done = try await client.attempt(["copy"] + sources + ["--to", "\(host)/all", "--scoped"])
              #expect(done.exit == .code(0), "\(done.error)")
              let expected = names.map {
                "\(host)/all/" + $0.replacing(/:(?=[0-9]+\/)/, with: "-")
              }
              #expect(
                done.output.split(separator: "\n").map { String($0.split(separator: " ")[1]) }.sorted()
                  == expected.sorted())
            }
            // Its digest is all that the name of an image without a tag has.
            let digest = try await client.run("copy", names[0], "oci:\(client.home)/layout:x")
            let byDigest = "\(outside.name("base/hello"))@\(digest)"
            try await client.run("pull", byDigest, "--to", "archive:\(client.home)/digest.tar")
            let done = try await client.run("copy", "archive:\(client.home)/digest.tar", "--to", host)
            #expect(done == "\(digest) \(host)/base/hello@\(digest)")
          }
        }
      }
    }

    @Test("a policy decides what goes into an archive, and what comes out of one")
    func trust() async throws {
      try await withOutside { outside in
        let client = outside.client
        let archive = "\(client.home)/images.tar"
        let name = outside.name("base/hello:v1")
        func policy(_ file: String, _ transport: String) throws -> String {
          let path = "\(client.home)/\(file)"
          let text =
            #"{"default":[{"type":"insecureAcceptAnything"}],"transports":{"\#(transport)":{"":[{"type":"reject"}]}}}"#
          try Data(text.utf8).write(to: URL(filePath: path))
          return path
        }
        let refused = try await client.attempt([
          "copy", name, "--to", "archive:\(archive)", "--verify", policy("outer.json", "docker"),
        ])
        #expect(refused.exit == .code(5), "\(refused.error)")
        #expect(!FileManager.default.fileExists(atPath: archive))
        let inner = try policy("inner.json", "oci-archive")
        try await client.run("copy", name, "--to", "archive:\(archive)", "--verify", inner)
        try await KontorProcess.with { kontor in
          let host = kontor.endpoint.hostAndPort
          let stopped = try await client.attempt([
            "copy", "archive:\(archive)", "--to", host, "--verify", inner,
          ])
          #expect(stopped.exit == .code(5), "\(stopped.error)")
          #expect(try await client.run("repos", host) == "")
        }
      }
    }

    @Test(
      "a full disk, an archive that is cut off, and one that was changed end with the reason and leave nothing"
    )
    func failures() async throws {
      try await withOutside { outside in
        let client = outside.client
        let name = outside.name("base/hello:v1")
        try await Mounts.withTmpfs(size: "200k") { directory in
          let full = try await client.attempt(["copy", name, "--to", "archive:\(directory)/images.tar"])
          #expect(full.exit == .code(1) && full.error.contains("no space"), "\(full.error)")
          #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
        }
        let archive = "\(client.home)/images.tar"
        let dry = try await client.attempt(["copy", name, "--to", "archive:\(archive)", "--dry-run"])
        #expect(dry.exit == .code(0) && dry.output.hasSuffix(" \(name)\n"), "\(dry.error)")
        #expect(!FileManager.default.fileExists(atPath: archive))
        try await client.run("copy", name, "--to", "archive:\(archive)")
        let taken = try await client.attempt(["copy", name, "--to", "archive:\(archive)"])
        #expect(taken.exit == .code(1) && taken.error.contains("is there already"), "\(taken.error)")

        try await KontorProcess.with { kontor in
          let host = kontor.endpoint.hostAndPort
          var bytes = try Data(contentsOf: URL(filePath: archive))
          try bytes.prefix(bytes.count / 2).write(to: URL(filePath: archive))
          let cut = try await client.attempt(["copy", "archive:\(archive)", "--to", host])
          #expect(cut.exit == .code(1) && cut.error.contains("cut off"), "\(cut.error)")
          // In the middle of the layer, which is nearly all of it.
          bytes[bytes.count / 2] ^= 1
          try bytes.write(to: URL(filePath: archive))
          let changed = try await client.attempt(["copy", "archive:\(archive)", "--to", host])
          #expect(changed.exit == .code(1) && changed.error.contains("was refused"), "\(changed.error)")
          let tags = try await client.attempt(["tags", "\(host)/base/hello"])
          #expect(tags.exit == .code(3) || tags.output == "")
        }
      }
    }

    @Test(
      "what cannot be meant is refused",
      arguments: [
        (["copy"], 2, "SOURCE DESTINATION"), (["copy", "HOST/a"], 2, "--to"),
        (["copy", "HOST/a", "HOST/b", "HOST/c"], 2, "--to"), (["copy", "--to", "archive:x"], 2, "no image"),
        (["copy", "HOST/a", "--to", "archive:x:y"], 2, "own names"),
        (["copy", "HOST/a", "archive:x:y"], 2, "own names"),
        (["copy", "HOST/a", "--to", "mirror"], 2, "no registry"),
        (["copy", "HOST/a", "--to", "HOST/b:v1"], 2, "SOURCE DESTINATION"),
        (["copy", "HOST/a", "HOST/b", "--to", "oci:x"], 2, "takes one image"),
        (["copy", "HOST/a", "HOST/b", "--since", "x"], 2, "--since is for"),
        (["copy", "HOST/a", "--to", "HOST", "--inventory", "x"], 2, "--inventory is for"),
        (["copy", "HOST/a", "--to", "archive:x", "--scoped"], 2, "--scoped is for"),
        (["copy", "--from-file", "/etc/hostname"], 2, "where do the images go"),
        (["copy", "--from-file", "/nowhere", "--to", "archive:x"], 3, "/nowhere"),
        (["copy", "--from-file", "/etc/passwd", "--to", "archive:x"], 2, "/etc/passwd:1: "),
        (["copy", "oci:x:v1", "--to", "archive:x"], 2, "no whole name"),
        (["copy", "docker-archive:x", "--to", "archive:x"], 2, "no name of a registry"),
        (["copy", "HOST/a", "--to", "archive:x", "--cmd", "sh"], 2, "rootfs-tar"),
        (["copy", "HOST/a", "--to", "archive:x", "--since", "/nowhere"], 3, "/nowhere"),
        (
          ["copy", "HOST/a", "--to", "archive:x", "--since", "/etc/hostname"], 1,
          "neither an inventory nor an archive"
        ),
        (["copy", "HOST/none:v1", "--to", "archive:x"], 3, "NAME_UNKNOWN"),
        (["copy", "archive:/nowhere", "--to", "HOST"], 3, "/nowhere"),
        (["pull", "archive:x"], 2, "kontor copy"), (["inventory"], 2, "Missing"),
        (["inventory", "mirror"], 2, "no registry"),
        (["inventory", "HOST/a", "--format", "json"], 2, "--format"),
        (["inventory", "HOST/none"], 3, "NAME_UNKNOWN"), (["inventory", "HOST/a:v1"], 2, "without a tag"),
      ])
    func refusals(arguments: [String], code: Int32, reason: String) async throws {
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let words = arguments.map { $0.replacing("HOST", with: kontor.endpoint.hostAndPort) }
          let result = try await client.attempt(words)
          #expect(result.exit == .code(code), "\(result.error)")
          #expect(result.error.contains(reason), "\(result.error)")
          #expect(result.output == "")
          #expect(!FileManager.default.fileExists(atPath: "x"))
        }
      }
    }

    @Test(
      "what cosign puts under tags made of an image's digest goes with what refers to it, through an archive and without"
    )
    func attachedTags() async throws {
      let image = try TinyImage(1)
      let tag = "sha256-\(image.digest.dropFirst(7)).sig"
      try await DockerRegistryServer.with { outer in
        let registry = PlainHTTP(try await outer.endpoint)
        try await image.push(to: "trade/hello", "v1", at: registry)
        try await TinyImage(2).push(to: "trade/hello", tag, at: registry)
        try await KontorProcess.with { inner in
          try await KontorClient.with { client in
            let http = PlainHTTP(inner.endpoint)
            let name = "\(outer.hostAndPort)/trade/hello:v1"
            try await client.run("copy", name, inner.endpoint.reference("plain/hello:v1"))
            #expect(try await http.manifest("plain/hello", tag).status == 404)
            try await client.run("copy", "--referrers", name, inner.endpoint.reference("signed/hello:v1"))
            #expect(try await http.manifest("signed/hello", tag).body == TinyImage(2).manifest)
            let archive = "archive:\(client.home)/images.tar"
            try await client.run("copy", "--referrers", name, "--to", archive)
            try await client.run("copy", archive, "--to", "\(inner.endpoint.hostAndPort)/inner")
            #expect(try await http.manifest("inner/trade/hello", tag).body == TinyImage(2).manifest)
            #expect(try await http.manifest("inner/trade/hello", "v1").body == image.manifest)
          }
        }
      }
    }

    @Test(
      "lists with other line ends, digests behind tags, inventories that would overwrite something, and full disks"
    )
    func oddInput() async throws {
      let image = try TinyImage(1)
      try await KontorProcess.with { outer in
        let registry = PlainHTTP(outer.endpoint)
        try await image.push(to: "trade/hello", "v1", at: registry)
        try await TinyImage(2).push(to: "trade/hello", "v2", at: registry)
        try await KontorClient.with { client in
          func name(_ tag: String) -> String { "\(outer.endpoint.hostAndPort)/trade/hello:\(tag)" }
          let list = "\(client.home)/list"
          try Data("# needed\r\n\(name("v1")) # base\r\n\r\n\(name("v2"))\r\n".utf8).write(
            to: URL(filePath: list))
          let file = "\(client.home)/images.tar"
          let made = try await client.run("copy", "--from-file", list, "--to", "archive:\(file)")
          #expect(made.split(separator: "\n").count == 2)

          let layout = "oci:\(client.home)/out"
          let other = try TinyImage(2).digest
          let wrong = try await client.attempt(["copy", "archive:\(file):\(name("v1"))@\(other)", layout])
          #expect(wrong.exit == .code(1) && wrong.error.contains("means \(image.digest)"), "\(wrong.error)")
          try await client.run("copy", "archive:\(file):\(name("v1"))@\(image.digest)", layout)

          for inventory in [file, "\(client.home)/none/inventory", "\(client.home)/more.tar"] {
            let refused = try await client.attempt([
              "copy", name("v1"), "--to", "archive:\(client.home)/more.tar", "--inventory", inventory,
            ])
            #expect(refused.exit == .code(1), "\(inventory): \(refused.error)")
            #expect(!FileManager.default.fileExists(atPath: "\(client.home)/more.tar"))
          }
          let full = try await Tool.bash.run(
            "-c", #""$0" inventory "$1" > /dev/full 2> /dev/null || echo failed"#, try KontorProcess.binary(),
            outer.endpoint.hostAndPort)
          #expect(full.text == "failed\n")
        }
      }
    }
  }
}
