import Foundation
import Testing

extension EndToEndTests {
  /// System calls of the server that fail, as they do on a dying disk.
  @Suite("I/O errors", .serialized)
  struct IOErrorTests {
    /// Calls to fail, and what a push gets then.
    struct Fault: Sendable, CustomTestStringConvertible {
      var calls: String
      var error: String
      var status: Int
      /// The only file whose calls fail, in the data directory; nil for all files.
      var file: String?
      var testDescription: String { "\(error) from \(calls)\(file.map { " on \($0)" } ?? "")" }

      // Question marks: not every architecture has all of them.
      static let rename = "?rename,?renameat,?renameat2"
      static let all = [
        Fault(calls: "pwrite64", error: "EIO", status: 500),
        Fault(calls: "pwrite64", error: "ENOSPC", status: 507),
        Fault(calls: "pwrite64", error: "EDQUOT", status: 507),
        Fault(calls: "pwrite64", error: "EROFS", status: 503),
        Fault(calls: "fdatasync", error: "EIO", status: 500),
        Fault(calls: "fdatasync", error: "ENOSPC", status: 507),
        Fault(calls: "fsync", error: "EIO", status: 500),
        Fault(calls: rename, error: "EIO", status: 500),
        Fault(calls: rename, error: "EROFS", status: 503),
        Fault(calls: rename, error: "ENOSPC", status: 507),
        Fault(calls: "pwrite64", error: "EIO", status: 500, file: "kontor.sqlite-wal"),
        Fault(calls: "pwrite64", error: "ENOSPC", status: 507, file: "kontor.sqlite-wal"),
        Fault(calls: "fdatasync", error: "EIO", status: 500, file: "kontor.sqlite-wal"),
      ]
    }

    private let repository = "trade/goods"
    private let binary = ["Content-Type": "application/octet-stream"]

    @Test("a push while the disk fails", arguments: Fault.all)
    func push(_ fault: Fault) async throws {
      try await Scratch.withDirectory("data") { data in
        var generator = SeededGenerator(seed: 40)
        let first = try SmallImage("v1", layers: [300_000], &generator)
        let second = try SmallImage("v2", layers: [200_000], &generator)
        let settings = KontorProcess.Settings(data: data, environment: ["KONTOR_GC_INTERVAL": "0s"])
        try await KontorProcess.with(settings) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          try await first.requirePush(http)
          // A session that is there before the disk fails, so that its content can.
          let started = try await http.send("POST", "/v2/\(repository)/blobs/uploads/")
          let session = http.path(of: try #require(started["location"]))

          let calls = try await failing(fault, kontor) {
            let content = second.layers[0]
            try await http.pushBlob(repository, content).expectStorageFailure(fault.status, "in one request")
            let path = Curl.url(session, adding: "digest=\(sha256(content))")
            let answer = try await http.send("PUT", path, headers: binary, body: content)
            answer.expectStorageFailure(fault.status, "to a session")
            try await expectNoBlob(http, repository, sha256(content))
            // Renames and directories are no part of a transaction.
            if fault.calls == "pwrite64" || fault.calls == "fdatasync" {
              try await http.pushManifest(repository, "v3", first.manifest)
                .expectStorageFailure(nil, "a manifest")
              #expect(try await http.manifest(repository, "v3").status == 404)
              try await http.deleteManifest(repository, "v1").expectStorageFailure(nil, "a deletion")
            }
            try await first.expectPullable(http, "while the disk fails")
            #expect(try await http.get("/healthz").status == 200)
          }
          #expect(calls.contains { !$0.succeeded && $0.result.contains(fault.error) }, "nothing failed")
          try await second.expectAbsent(http, blobs: second.layers)
          try StoredFiles(data: data).expectWholeBlobs()

          try await second.requirePush(http)
          for image in [first, second] { try await image.expectPullable(http, "when the disk works again") }
          await kontor.kill()
        }
        try await KontorProcess.with(settings) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          for image in [first, second] { try await image.expectPullable(http, "after SIGKILL") }
          try await StoredFiles(data: data).requireRowForEveryFile(of: kontor)
        }
      }
    }

    /// What was refused may have left traces on the disk that a new process takes for more than they are.
    @Test("a crash right after the disk failed", arguments: Fault.all)
    func crash(_ fault: Fault) async throws {
      try await Scratch.withDirectory("data") { data in
        var generator = SeededGenerator(seed: 41)
        let first = try SmallImage("v1", layers: [300_000], &generator)
        let second = try SmallImage("v2", layers: [200_000], &generator)
        let settings = KontorProcess.Settings(data: data, environment: ["KONTOR_GC_INTERVAL": "0s"])
        try await KontorProcess.with(settings) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          try await first.requirePush(http)
          try await failing(fault, kontor) {
            try await http.pushBlob(repository, second.layers[0]).expectStorageFailure(fault.status)
          }
          await kontor.kill()
        }
        try StoredFiles(data: data).expectWholeBlobs()
        try await KontorProcess.with(settings) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          try await first.expectPullable(http, "after the crash")
          // A refused push may have been stored all the same, but what HEAD promises, GET must hold.
          let path = "/v2/\(repository)/blobs/\(sha256(second.layers[0]))"
          let head = try await http.send("HEAD", path).status
          let pulled = try await http.get(path)
          #expect(head == pulled.status)
          #expect(pulled.status == 404 || pulled.body == second.layers[0])
          try await StoredFiles(data: data).requireRowForEveryFile(of: kontor)
          try await second.requirePush(http)
          try await second.expectPullable(http)
        }
      }
    }

    /// Runs `body` while system calls of the server fail.
    /// - Returns: the calls that could fail.
    @discardableResult
    private func failing(
      _ fault: Fault, _ kontor: KontorProcess, _ body: () async throws -> Void
    ) async throws -> [SystemCall] {
      var arguments = ["-e", "trace=\(fault.calls)", "-e", "inject=\(fault.calls):error=\(fault.error)"]
      if let file = fault.file { arguments += ["-P", "\(kontor.data)/\(file)"] }
      return try await Strace.during(arguments, of: kontor, body)
    }
  }
}
