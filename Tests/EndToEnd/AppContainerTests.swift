import Foundation
import Testing

extension EndToEndTests {
  /// The registry as clients of appc see it: rkt's requests one by one, and images read by tar, gpgv and runc.
  @Suite("appc", .serialized)
  struct AppContainerTests {
    private static let host = "example.com"
    private let name = "example.com/trade/hello"

    /// Runs `body` with a registry for `example.com` that signs.
    private func withRegistry(
      _ environment: [String: String] = [:],
      _ body: (KontorProcess, PlainHTTP, KontorClient, SigningKey) async throws -> Void
    ) async throws {
      try await SigningKey.with { key in
        var settings = KontorProcess.Settings()
        settings.environment = ["KONTOR_APPC_HOSTS": Self.host, "KONTOR_APPC_SIGNINGKEY": key.secret]
        settings.environment.merge(environment) { $1 }
        try await KontorProcess.with(settings) { kontor in
          try await KontorClient.with { client in
            try await body(kontor, PlainHTTP(kontor.endpoint), client, key)
          }
        }
      }
    }

    private func get(
      _ http: PlainHTTP, _ url: String, _ headers: [String: String] = [:]
    ) async throws -> PlainHTTP.Response {
      try await http.send("GET", http.path(of: url), headers: headers)
    }

    @Test("what rkt asks for, in its order, of an image that Docker's clients pushed")
    func rktFetch() async throws {
      try Tool.require(.gpgv, .tar)
      let images = try await TestImage.shared
      try await withRegistry { kontor, http, client, key in
        try await client.run(
          "push", images.source(images.hello), kontor.endpoint.reference("trade/hello:v1"))

        let page = Discovery(try await get(http, "/trade/hello?ac-discovery=1"))
        let template = try #require(page["ac-discovery"].first)
        let files = Discovery.render(
          template, ["name": name, "version": "v1", "os": "linux", "arch": "amd64"])

        // The signature first: it is made with the image, which nobody has asked for yet.
        let early = try await get(http, files.signature)
        #expect(early.status == 202)
        let image = try await get(http, files.image)
        #expect(
          image.status == 200 && image["accept-ranges"] == "bytes" && image["cache-control"] == "no-cache")
        let signature = try await get(http, files.signature)
        #expect(signature.status == 200)
        let again = try await get(http, files.image, ["If-None-Match": try #require(image["etag"])])
        #expect(again.status == 304 && again.body.isEmpty)
        let rest = try await get(http, files.image, ["Range": "bytes=1000-"])
        #expect(rest.status == 206 && rest.body == image.body.dropFirst(1000))

        let key = try await get(http, try #require(page["ac-discovery-pubkeys"].first))
        try await Scratch.withDirectory("fetched") { directory in
          try await SigningKey.verify(signature.body, of: image.body, with: key.body, in: directory)
          let unpacked = try await unpack(image.body, in: directory)
          #expect(unpacked.names == ["manifest", "rootfs"])
          let manifest = try #require(
            try JSONSerialization.jsonObject(with: unpacked.manifest) as? [String: Any])
          #expect(manifest["name"] as? String == name && manifest["acKind"] as? String == "ImageManifest")
          let labels = manifest["labels"] as? [[String: String]] ?? []
          #expect(
            Set(labels) == [
              ["name": "version", "value": "v1"], ["name": "os", "value": "linux"],
              ["name": "arch", "value": "amd64"],
            ])
          let app = try #require(manifest["app"] as? [String: Any])
          #expect(app["exec"] as? [String] == ["/bin/echo", images.greeting])
          #expect(app["user"] as? String == "0" && app["group"] as? String == "0")
          let run = try await Tool.chroot.run("\(directory)/rootfs", "/bin/echo", "inside")
          #expect(run.text == "inside\n")
        }
      }
    }

    @Test("many who ask at the same time wait for one conversion, and get the same bytes")
    func oneConversion() async throws {
      let images = try await TestImage.shared
      try await withRegistry { kontor, http, client, _ in
        try await client.run(
          "push", images.source(images.second), kontor.endpoint.reference("trade/hello:v1"))
        let path = "/aci/\(name)/v1/linux/amd64/image.aci"
        let answers = try await withThrowingTaskGroup(of: PlainHTTP.Response.self) { group in
          for _ in 0..<10 { group.addTask { try await http.send("GET", path) } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 200 && $0.body == answers[0].body })
        #expect(kontor.log.components(separatedBy: "converted an image").count == 2)

        // Another registry makes the same of the same image.
        try await withRegistry { other, otherHTTP, _, _ in
          try await client.run(
            "copy", kontor.endpoint.docker("trade/hello:v1"), other.endpoint.docker("trade/hello:v1"))
          #expect(try await otherHTTP.send("GET", path).body == answers[0].body)
        }
      }
    }

    @Test("discovery knows repositories and what is above them; other names are not found")
    func discovery() async throws {
      let images = try await TestImage.shared
      try await withRegistry { kontor, http, client, _ in
        try await client.run(
          "push", images.source(images.multi), kontor.endpoint.reference("trade/hello:v1"))
        for (path, status) in [
          ("/", 200), ("/trade", 200), ("/trade/hello", 200), ("/trade/hell", 404), ("/tra", 404),
          ("/trade/hello/more", 404), ("/Trade", 404), ("/trade//hello", 404),
        ] {
          #expect(try await get(http, "\(path)?ac-discovery=1").status == status, "\(path)")
        }
        for (path, status) in [
          ("v1/linux/amd64/image.aci", 200), ("v1/linux/s390x/image.aci", 200), ("v1/any.aci", 200),
          ("latest/linux/amd64/image.aci", 200), ("v1/linux/aarch64/image.aci", 404),
          ("v1/plan9/amd64/image.aci", 404), ("v2/linux/amd64/image.aci", 404), ("v1/image.aci", 404),
          ("v1/linux/amd64/image.zip", 404), ("v1/linux/amd64/image.aci.asc", 200),
        ] {
          #expect(try await get(http, "/aci/\(name)/\(path)").status == status, "\(path)")
        }
        #expect(try await get(http, "/aci/other.example/trade/hello/v1/any.aci").status == 404)
        #expect(try await http.send("DELETE", "/aci/\(name)/v1/any.aci").status == 405)
      }
    }

    @Test("an ACI comes back byte for byte with its signature, and is an image for everybody else")
    func pushedACI() async throws {
      try Tool.require(.gpg, .tar, .runc)
      try await withRegistry { kontor, http, client, key in
        try await Scratch.withDirectory("aci") { directory in
          let aci = try await makeACI(in: directory)
          let signature = try await key.sign(aci)
          let path = "/aci/\(name)/1.0.0+build.5/linux/amd64/image.aci"
          #expect(try await http.send("PUT", "\(path).asc", body: signature).status == 202)
          let pushed = try await http.send("PUT", path, body: aci)
          #expect(pushed.status == 201, "\(String(decoding: pushed.body, as: UTF8.self))")
          #expect(try await get(http, path).body == aci)
          #expect(try await get(http, "\(path).asc").body == signature)
          // It is also the newest.
          #expect(try await get(http, "/aci/\(name)/latest/linux/amd64/image.aci").body == aci)

          let reference = kontor.endpoint.reference("trade/hello:1.0.0_build.5")
          let bundle = "\(client.home)/bundle"
          try await client.run("pull", reference, "--to", "runc:\(bundle)")
          let run = try await Tool.runc.run(
            "--root", "\(client.home)/state", "run", "--bundle", bundle, "kontor-\(getpid())-aci")
          #expect(run.text == "hello from an ACI\n")
          let referrers = try await client.run("referrers", reference)
          #expect(referrers.contains("application/vnd.kontor.aci.v1"))

          // The version comes to mean another image, whose signature is sent before it, too.
          let changed = try await makeACI(in: directory, content: "changed")
          let other = try await key.sign(changed)
          #expect(try await http.send("PUT", "\(path).asc", body: other).status == 202)
          #expect(try await get(http, "\(path).asc").body == signature)
          #expect(try await http.send("PUT", path, body: changed).status == 201)
          #expect(try await get(http, path).body == changed)
          #expect(try await get(http, "\(path).asc").body == other)
        }
      }
    }

    @Test("a good signature takes the place of another, of the image that is there; others wait for theirs")
    func replacedSignature() async throws {
      try Tool.require(.gpg, .tar)
      try await SigningKey.with { author in
        try await Scratch.withDirectory("keys") { keys in
          try await author.trust(for: Self.host + "/trade", in: keys)
          try await withRegistry(["KONTOR_APPC_TRUSTEDKEYS": keys]) { kontor, http, client, stranger in
            let aci = try await makeACI(in: keys)
            let path = "/aci/\(name)/1.0.0+build.5/linux/amd64/image.aci"
            // Without a signature first: this registry asks for none.
            #expect(try await http.send("PUT", path, body: aci).status == 201)
            #expect(try await get(http, "\(path).asc").status == 404)
            #expect(try await http.send("PUT", "\(path).asc", body: stranger.sign(aci)).status == 202)
            #expect(try await get(http, "\(path).asc").status == 404)
            for _ in 0..<2 {
              let signature = try await author.sign(aci)
              #expect(try await http.send("PUT", "\(path).asc", body: signature).status == 201)
              #expect(try await get(http, "\(path).asc").body == signature)
            }
            let referrers = try await client.run(
              "referrers", kontor.endpoint.reference("trade/hello:1.0.0_build.5"))
            #expect(referrers.split(separator: "\n").count == 1)
          }
        }
      }
    }

    @Test("acpush's requests, in its order")
    func acpush() async throws {
      try Tool.require(.gpg, .tar)
      try await withRegistry { kontor, http, client, key in
        try await Scratch.withDirectory("aci") { directory in
          let aci = try await makeACI(in: directory)
          let signature = try await key.sign(aci)
          // Nothing is there yet, so it has to walk up.
          #expect(try await get(http, "/trade/hello?ac-discovery=1").status == 404)
          let page = Discovery(try await get(http, "/?ac-discovery=1"))
          let template = try #require(page["ac-push-discovery"].first)
          let labels = ["name": name, "version": "1.0.0+build.5", "os": "linux", "arch": "amd64"]
          let start = try await http.send("POST", http.path(of: Discovery.fill(template, labels)))
          #expect(start.status == 200)
          let urls = try #require(try JSONSerialization.jsonObject(with: start.body) as? [String: Any])
          func path(_ key: String) throws -> String { http.path(of: try #require(urls[key] as? String)) }
          for (part, body) in [
            ("upload_manifest_url", Data("{}".utf8)), ("upload_signature_url", signature),
            ("upload_aci_url", aci),
          ] {
            #expect(try await http.send("PUT", path(part), body: body).status == 200, "\(part)")
          }
          #expect(try await get(http, "/aci/\(name)/1.0.0+build.5/any.aci").status == 404)
          let done = try await http.send(
            "POST", path("completed_url"), body: Data(#"{"success":true}"#.utf8))
          #expect(done.status == 200 && String(decoding: done.body, as: UTF8.self) == #"{"success":true}"#)
          #expect(try await get(http, "/aci/\(name)/1.0.0+build.5/any.aci").body == aci)
          #expect(try await http.send("POST", path("completed_url"), body: Data("{}".utf8)).status == 404)
        }
      }
    }

    @Test("what is no ACI, or not what it is sent as, is refused with the reason, and nothing is stored")
    func refusals() async throws {
      try Tool.require(.gpg, .tar)
      try await SigningKey.with { stranger in
        try await Scratch.withDirectory("keys") { keys in
          try await SigningKey.with { trusted in
            try await trusted.trust(for: Self.host + "/trade", in: keys)
            try await stranger.trust(for: Self.host + "/other", in: keys)
            let policy = ["KONTOR_APPC_TRUSTEDKEYS": keys, "KONTOR_APPC_REQUIRESIGNATURES": "true"]
            try await withRegistry(policy) { kontor, http, client, _ in
              try await Scratch.withDirectory("aci") { directory in
                let aci = try await makeACI(in: directory)
                let noRoot = try await makeACI(in: directory, members: ["manifest"])
                let more = try await makeACI(in: directory, members: ["manifest", "rootfs", "more"])
                let path = "/aci/\(name)/1.0.0+build.5/linux/amd64/image.aci"
                let other = path.replacing("trade/hello", with: "trade/other")
                for (path, body, signer, status, words) in [
                  (path, aci, nil, 403, "without a signature"),
                  (path, aci, stranger, 403, "not trusted"),
                  (path, noRoot, trusted, 400, "rootfs"), (path, more, trusted, 400, "more"),
                  (path, Data("no archive".utf8), trusted, 400, "archive"),
                  (other, aci, trusted, 400, "is named \(name)"),
                  (path.replacing("1.0.0+build.5", with: "2"), aci, trusted, 400, "version"),
                  (path.replacing("amd64", with: "aarch64"), aci, trusted, 400, "arch"),
                  (path.replacing(Self.host, with: "other.example"), aci, nil, 400, "example.com/NAME"),
                ] as [(String, Data, SigningKey?, Int, String)] {
                  if let signer {
                    let signature = try await signer.sign(body)
                    #expect(try await http.send("PUT", "\(path).asc", body: signature).status == 202)
                  }
                  let answer = try await http.send("PUT", path, body: body)
                  let text = String(decoding: answer.body, as: UTF8.self)
                  #expect(answer.status == status && text.contains(words), "\(status) \(words): \(text)")
                }
                // Forged: a good signature, over something else.
                #expect(
                  try await http.send("PUT", "\(path).asc", body: trusted.sign(Data("x".utf8))).status == 202)
                #expect(try await http.send("PUT", path, body: aci).status == 403)
                #expect(try StoredFiles(data: kontor.data).blobs().isEmpty)

                let good = try await trusted.sign(aci)
                #expect(try await http.send("PUT", "\(path).asc", body: good).status == 202)
                #expect(try await http.send("PUT", path, body: aci).status == 201)
                // It is not for what is there.
                #expect(try await http.send("PUT", "\(path).asc", body: stranger.sign(aci)).status == 202)
                #expect(try await get(http, path).body == aci)
                #expect(try await get(http, "\(path).asc").body == good)
              }
            }
          }
        }
      }
    }

    @Test("what a pushed ACI needs has to be there, and not need it in turn; what is another host's does not")
    func needs() async throws {
      try Tool.require(.tar, .skopeo)
      try await withRegistry { kontor, http, client, _ in
        let maker = ACIMaker(directory: "\(client.home)/images")
        func put(_ name: String, needs: [String] = []) async throws -> (status: Int, text: String) {
          let file = try await maker.make(name, files: ["from": name], needs: needs.map { .init(name: $0) })
          let body = try Data(contentsOf: URL(filePath: file))
          let answer = try await http.send("PUT", "/aci/\(name)/1/linux/amd64/image.aci", body: body)
          return (answer.status, String(decoding: answer.body, as: UTF8.self))
        }
        let stored = StoredFiles(data: kontor.data)
        let early = try await put("example.com/top", needs: ["example.com/base"])
        #expect(early.status == 400 && early.text.contains("push that one first"), "\(early.text)")
        #expect(try stored.blobs().isEmpty)

        #expect(try await put("example.com/base").status == 201)
        // An image that was pushed in Docker's form can be needed, too.
        let images = try await TestImage.shared
        try await client.run("push", images.source(images.hello), kontor.endpoint.reference("docker:1"))
        let top = try await put("example.com/top", needs: ["example.com/base", "example.com/docker"])
        #expect(top.status == 201 && top.text.contains("digest"), "\(top.text)")
        let root = "\(client.home)/root"
        try await client.run("pull", kontor.endpoint.reference("top:1"), "--to", "rootfs:\(root)")
        #expect(try String(contentsOfFile: "\(root)/from", encoding: .utf8) == "example.com/top")
        let inspected = try await Tool.skopeo.run(
          "inspect", "--tls-verify=false", "docker://\(kontor.endpoint.reference("top:1"))"
        ).text
        #expect(inspected.components(separatedBy: "sha256:").count > 3)

        let count = try stored.blobs().count
        let circle = try await put("example.com/base", needs: ["example.com/top"])
        #expect(circle.status == 400 && circle.text.contains("circle"), "\(circle.text)")
        #expect(try stored.blobs().count == count)

        let foreign = try await put("example.com/foreign", needs: ["other.example/base"])
        #expect(foreign.status == 201 && foreign.text.contains("other.example/base"), "\(foreign.text)")
      }
    }

    // MARK: ACIs

    /// As its author makes one, with tar.
    private func makeACI(
      in directory: String, members: [String] = ["manifest", "rootfs"], content: String = ""
    ) async throws -> Data {
      let root = "\(directory)/\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: "\(root)/rootfs/bin", withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: try Tool.busybox.path(), toPath: "\(root)/rootfs/bin/busybox")
      try Data("more\n".utf8).write(to: URL(filePath: "\(root)/more"))
      try Data(content.utf8).write(to: URL(filePath: "\(root)/rootfs/content"))
      try Data(
        """
        {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": "\(name)",
         "labels": [{"name": "version", "value": "1.0.0+build.5"}, {"name": "os", "value": "linux"},
                    {"name": "arch", "value": "amd64"}],
         "app": {"exec": ["/bin/busybox", "echo", "hello from an ACI"], "user": "0", "group": "0"}}
        """.utf8
      ).write(to: URL(filePath: "\(root)/manifest"))
      try await Command(tool: .tar, arguments: ["-C", root, "-czf", "\(root)/image.aci"] + members).run()
      return try Data(contentsOf: URL(filePath: "\(root)/image.aci"))
    }

    /// Unpacked by tar.
    private func unpack(
      _ aci: Data, in directory: String
    ) async throws -> (names: [String], manifest: Data) {
      try aci.write(to: URL(filePath: "\(directory)/image"))
      let listed = try await Tool.tar.run("-tzf", "\(directory)/image").text.split(separator: "\n")
      let names = Set(listed.compactMap { $0.split(separator: "/").first.map(String.init) })
      try await Tool.tar.run("-xzf", "\(directory)/image", "-C", directory)
      return (names.sorted(), try Data(contentsOf: URL(filePath: "\(directory)/manifest")))
    }
  }
}

/// The meta tags of a page of discovery, as rkt reads them.
private struct Discovery {
  private var tags: [(name: String, content: String)] = []

  init(_ page: PlainHTTP.Response) {
    let text = String(decoding: page.body, as: UTF8.self)
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\"")
      guard parts.count >= 4, parts[0].trimmingCharacters(in: .whitespaces) == "<meta name=" else { continue }
      tags.append((String(parts[1]), String(parts[3])))
    }
  }

  /// What follows the prefix in each tag of that name.
  subscript(name: String) -> [String] {
    tags.filter { $0.name == name }.compactMap { tag in
      tag.content.split(separator: " ", maxSplits: 1).last.map(String.init)
    }
  }

  static func fill(_ template: String, _ labels: [String: String]) -> String {
    labels.reduce(template) { $0.replacing("{\($1.key)}", with: $1.value) }
  }

  static func render(
    _ template: String, _ labels: [String: String]
  ) -> (image: String, signature: String) {
    let filled = fill(template, labels)
    return (filled.replacing("{ext}", with: "aci"), filled.replacing("{ext}", with: "aci.asc"))
  }
}
