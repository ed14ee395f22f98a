import Foundation
import Testing

extension EndToEndTests {
  /// File systems that run full or become read-only under a running registry.
  @Suite("full and read-only disks", .serialized)
  struct FullDiskTests {
    private let repository = "trade/goods"
    private let binary = ["Content-Type": "application/octet-stream"]

    /// A server without collections of its own on `data`, reachable by plain requests.
    private func withServer(
      _ data: String, sourceLocation: SourceLocation = #_sourceLocation,
      _ body: (KontorProcess, PlainHTTP) async throws -> Void
    ) async throws {
      let settings = KontorProcess.Settings(data: data, environment: ["KONTOR_GC_INTERVAL": "0s"])
      try await KontorProcess.with(settings, sourceLocation: sourceLocation) { kontor in
        try await body(kontor, PlainHTTP(kontor.endpoint))
      }
    }

    /// Pushes images until one is refused.
    /// - Returns: those that were taken.
    private func pushUntilFull(
      _ http: PlainHTTP, _ generator: inout SeededGenerator
    ) async throws -> [SmallImage] {
      var taken: [SmallImage] = []
      for number in 0..<100 {
        let image = try SmallImage("v\(number)", layers: [900_000, 600_000], &generator)
        guard let refusal = try await image.push(http) else {
          taken.append(image)
          continue
        }
        refusal.expectStorageFailure(507, "image \(number)")
        try await image.expectAbsent(http, blobs: [image.layers[1]])
        return taken
      }
      throw NeverFull()
    }

    private struct NeverFull: Error {}

    /// Tries to push a blob in every way, each of which must be refused and leave nothing.
    private func expectRefusals(
      of content: Data, status: Int?, _ http: PlainHTTP, _ kontor: KontorProcess
    ) async throws {
      let digest = sha256(content)
      let before = try StoredFiles(data: kontor.data).uploads()
      let atOnce = try await http.send(
        "POST", "/v2/\(repository)/blobs/uploads/?digest=\(digest)", headers: binary, body: content)
      atOnce.expectStorageFailure(status, "in one request")

      for method in ["PUT", "PATCH"] {
        let started = try await http.send("POST", "/v2/\(repository)/blobs/uploads/")
        guard started.status == 202, let location = started["location"].map(http.path) else {
          started.expectStorageFailure(status, "starting a session")
          continue
        }
        let path = method == "PUT" ? Curl.url(location, adding: "digest=\(digest)") : location
        let refusal = try await http.send(method, path, headers: binary, body: content)
        refusal.expectStorageFailure(status, "\(method)")
        // The session has been ended, to free its space, or can be, if the disk lets anything change.
        let ended = try await http.send("DELETE", location).status
        #expect([204, 404, status].contains(ended))
      }
      try await expectNoBlob(http, repository, digest)
      #expect(try StoredFiles(data: kontor.data).uploads() == before)
      try StoredFiles(data: kontor.data).expectWholeBlobs()
    }

    /// Frees space the way an operator does, and requires that the registry takes pushes again and lost
    /// nothing else.
    private func freeSpace(
      of images: [SmallImage], _ kontor: KontorProcess, _ http: PlainHTTP, _ generator: inout SeededGenerator
    ) async throws {
      let (kept, deleted) = (images.prefix(2), images.dropFirst(2))
      for image in deleted {
        let answer = try await http.deleteManifest(image.repository, sha256(image.manifest))
        try #require(answer.status == 202, "\(answer.text)")
      }
      let collection = try await KontorCommand.run(["gc", "--grace", "0s", "--data", kontor.data])
      try #require(collection.exit == .code(0), "\(collection.error)")
      for image in deleted { try await image.expectAbsent(http, blobs: image.layers) }

      let image = try SmallImage("new", layers: [900_000, 600_000], &generator)
      try await image.requirePush(http)
      for image in kept + [image] { try await image.expectPullable(http, "after the collection") }
      try await StoredFiles(data: kontor.data).requireRowForEveryFile(of: kontor)
      try StoredFiles(data: kontor.data).expectWholeBlobs()
    }

    @Test("no room for an image: pushes get 507, pulls go on, freed space is used again")
    func noRoomForAnImage() async throws {
      try await Mounts.withTmpfs(size: "24m") { directory in
        let data = "\(directory)/data"
        var generator = SeededGenerator(seed: 30)
        var images: [SmallImage] = []
        try await withServer(data) { kontor, http in
          images = try await pushUntilFull(http, &generator)
          #expect(images.count > 4)
          try await expectRefusals(of: generator.data(8 << 20), status: 507, http, kontor)
          for image in images { try await image.expectPullable(http, "on the full disk") }
          #expect(try await http.get("/healthz").status == 200)
        }
        try await withServer(data) { kontor, http in
          for image in images { try await image.expectPullable(http, "after a restart") }
          try await freeSpace(of: images, kontor, http, &generator)
        }
      }
    }

    /// Deleting is a transaction, which needs room in the database's log: it must be there when nothing
    /// else is.
    @Test("no room for a page: the same, and deletions go on", arguments: ["running", "stopped", "killed"])
    func noRoomForAPage(server: String) async throws {
      try await Mounts.withTmpfs(size: "24m") { directory in
        let data = "\(directory)/data"
        var generator = SeededGenerator(seed: 31)
        var images: [SmallImage] = []
        try await withServer(data) { kontor, http in
          images = try await pushUntilFull(http, &generator)
          // Blobs of every size, until the smallest finds no room either.
          var small: [Data] = []
          for size in [256 << 10, 32 << 10, 4096, 1] {
            for _ in 0..<10_000 {
              let content = generator.data(size)
              let answer = try await http.pushBlob(repository, content)
              guard answer.status == 201 else {
                answer.expectStorageFailure(507, "\(size) bytes")
                try await expectNoBlob(http, repository, sha256(content))
                break
              }
              small.append(content)
            }
          }
          let image = try SmallImage("last", layers: [], &generator)
          let refusal = try #require(try await image.push(http))
          refusal.expectStorageFailure(507)
          try await image.expectAbsent(http)

          for image in images { try await image.expectPullable(http, "on the full disk") }
          for content in small {
            let pulled = try await http.blob(repository, sha256(content))
            #expect(pulled.status == 200 && pulled.body == content)
          }
          #expect(try await http.get("/healthz").status == 200)
          if server == "running" { try await freeSpace(of: images, kontor, http, &generator) }
          if server == "killed" { await kontor.kill() }
        }
        guard server != "running" else { return }
        try await withServer(data) { kontor, http in
          for image in images { try await image.expectPullable(http, "after the server was \(server)") }
          try await freeSpace(of: images, kontor, http, &generator)
        }
      }
    }

    /// A file that is removed while it is open keeps its space.
    @Test("no descriptor of a blob stays open after a pull", arguments: ["keep-alive", "close"])
    func pulledBlobsAreClosed(connection: String) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(.http) { kontor in
        let curl = Curl(endpoint: kontor.endpoint)
        var generator = SeededGenerator(seed: 32)
        for size in [1000, 3_000_000] {
          let content = generator.data(size)
          try await curl.pushBlob(repository, content)
          let path = "/v2/\(repository)/blobs/\(sha256(content))"
          for extra in [[:], ["Range": "bytes=10-500"], ["Range": "bytes=\(size)-"], ["If-None-Match": "*"]] {
            for method in ["GET", "HEAD"] {
              let headers = extra.merging(["Connection": connection]) { $1 }
              _ = try await curl.send(method, path, headers: headers)
            }
          }
        }
        try await kontor.daemon.waitFor("having closed every blob") { _ in
          let descriptors = "/proc/\(kontor.pid)/fd"
          let open = try FileManager.default.contentsOfDirectory(atPath: descriptors).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(descriptors)/\($0)")
          }
          return open.contains { $0.hasPrefix("\(kontor.data)/blobs/") } ? nil : true
        }
      }
    }

    @Test("a disk that is read-only for a while: pushes get 503, pulls go on, then pushes are taken again")
    func readOnlyForAWhile() async throws {
      try await Mounts.withTmpfs(size: "64m") { directory in
        let data = "\(directory)/data"
        var generator = SeededGenerator(seed: 31)
        let first = try SmallImage("v1", layers: [300_000], &generator)
        let second = try SmallImage("v2", layers: [400_000], &generator)
        try await withServer(data) { kontor, http in
          try await first.requirePush(http)
          // The kernel makes no mount read-only through which files are open for writing. So the server's
          // paths get a mount of their own, which has to be read-only from its first moment: the server's
          // threads open the database whenever they need it first. A mount made from a read-only one is.
          // What the server has open already stays writable.
          let readOnly = "\(directory)/read-only"
          try FileManager.default.createDirectory(atPath: readOnly, withIntermediateDirectories: false)
          try await Tool.mount.run("--bind", data, readOnly)
          try await Tool.mount.run("-o", "remount,bind,ro", readOnly)
          try await Tool.mount.run("--bind", readOnly, data)
          for _ in 1...2 {
            try await expectRefusals(of: second.layers[0], status: 503, http, kontor)
            try await first.expectPullable(http, "while read-only")
          }
          #expect(try await http.get("/healthz").status == 200)
          try await Tool.mount.run("-o", "remount,bind,rw", data)

          try await second.requirePush(http)
          for image in [first, second] { try await image.expectPullable(http, "writable again") }
          await Mounts.detachAll(below: data)
        }
        try await withServer(data) { kontor, http in
          for image in [first, second] { try await image.expectPullable(http, "after a restart") }
          try await StoredFiles(data: data).requireRowForEveryFile(of: kontor)
        }
      }
    }
  }
}
