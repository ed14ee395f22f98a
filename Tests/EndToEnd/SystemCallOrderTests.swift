import Foundation
import Testing

extension EndToEndTests {
  /// An answer that acknowledges a change leaves the server only after the change is on the disk, which
  /// shows in the order of its system calls: a power cut at any moment then loses nothing that a client was
  /// told is stored, or gone.
  @Suite("system calls before an acknowledgement", .serialized)
  struct SystemCallOrderTests {
    /// Every way to push a blob.
    enum Push: String, CaseIterable, Sendable, CustomTestStringConvertible {
      case inOneRequest = "in one request"
      case byPostAndPut = "by POST and PUT"
      case inChunks = "in chunks"
      case withLastChunkInPut = "in chunks, the last with PUT"
      var testDescription: String { rawValue }
    }

    private let repository = "trade/api"
    private let binary = ["Content-Type": "application/octet-stream"]
    /// No collection: what a trace shows is the request's own work.
    private let settings = KontorProcess.Settings(environment: ["KONTOR_GC_INTERVAL": "0s"])

    @Test("a blob pushed", arguments: Push.allCases)
    func blob(_ push: Push) async throws {
      try await KontorProcess.with(settings) { kontor in
        let http = PlainHTTP(kontor.endpoint)
        var generator = SeededGenerator(seed: 20)
        // The smallest, one of a few reads, and one that is handed to the disk in pieces while it comes.
        for count in [1, 300_000, 9_500_000] {
          let content = generator.data(count)
          let digest = sha256(content)
          guard push != .inOneRequest else {
            let trace = try await Trace.of(kontor) {
              let path = "/v2/\(repository)/blobs/uploads/?digest=\(digest)"
              let answer = try await http.send("POST", path, headers: binary, body: content)
              #expect(answer.status == 201)
            }
            try trace.requireStored(digest, before: trace.answer(201), in: kontor.data)
            continue
          }

          var location = ""
          let started = try await Trace.of(kontor) {
            let answer = try await http.send("POST", "/v2/\(repository)/blobs/uploads/")
            #expect(answer.status == 202)
            location = http.path(of: try #require(answer["location"]))
          }
          try started.requireCommit(before: started.answer(202))

          let chunks: [Range<Int>]
          switch push {
          case .inOneRequest, .byPostAndPut: chunks = []
          case .inChunks: chunks = count > 1 ? [0..<count / 3, count / 3..<count] : [0..<count]
          case .withLastChunkInPut: chunks = [0..<count / 2]
          }
          for chunk in chunks where !chunk.isEmpty {
            let patched = try await Trace.of(kontor) {
              let range = "\(chunk.lowerBound)-\(chunk.upperBound - 1)"
              let headers = binary.merging(["Content-Range": range]) { $1 }
              let answer = try await http.send("PATCH", location, headers: headers, body: content[chunk])
              #expect(answer.status == 202)
              location = http.path(of: try #require(answer["location"]))
            }
            try patched.requireKept(
              uploadAt: location, isFirst: chunk.lowerBound == 0, before: patched.answer(202), in: kontor.data
            )
          }

          let finished = try await Trace.of(kontor) {
            let answer = try await http.send(
              "PUT", Curl.url(location, adding: "digest=\(digest)"), headers: binary,
              body: content[(chunks.last?.upperBound ?? 0)...])
            #expect(answer.status == 201)
          }
          try finished.requireStored(digest, before: finished.answer(201), in: kontor.data)
        }
      }
    }

    @Test("many blobs pushed at once")
    func blobsTogether() async throws {
      try await KontorProcess.with(settings) { kontor in
        let http = PlainHTTP(kontor.endpoint)
        var generator = SeededGenerator(seed: 21)
        let contents = (0..<16).map { generator.data(1000 << ($0 % 8)) }
        let trace = try await Trace.of(kontor) {
          try await withThrowingTaskGroup(of: Int.self) { group in
            for content in contents {
              group.addTask { try await http.pushBlob("trade/api", content).status }
            }
            for try await status in group { #expect(status == 201) }
          }
        }
        // Commits that wait together share a sync; none of the answers may be ahead of it.
        for digest in contents.map(sha256) {
          let answer = try trace.answer(201, naming: digest)
          try trace.requireStored(digest, before: answer, in: kontor.data, isAlone: false)
        }
      }
    }

    @Test("a blob mounted, manifests and tags pushed, and all of them deleted")
    func metadata() async throws {
      try await KontorProcess.with(settings) { kontor in
        let http = PlainHTTP(kontor.endpoint)
        var generator = SeededGenerator(seed: 22)
        let image = try SmallImage("v1", layers: [5000], &generator)
        try await image.requirePush(http)
        let second = try SmallImage("v2", layers: [5000], &generator)
        for blob in second.blobs { #expect(try await http.pushBlob(second.repository, blob).status == 201) }

        func expect(_ status: Int, _ request: () async throws -> PlainHTTP.Response) async throws {
          let trace = try await Trace.of(kontor) {
            let answer = try await request()
            #expect(answer.status == status, "\(answer.text)")
          }
          try trace.requireCommit(before: trace.answer(status))
        }
        let (name, blob, digest) = (image.repository, sha256(image.layers[0]), sha256(second.manifest))
        try await expect(201) { try await http.mount(blob, from: name, to: "trade/other") }
        try await expect(201) { try await http.pushManifest(name, second.tag, second.manifest) }
        let tags = "\(digest)?tag=v3&tag=v4"
        try await expect(201) { try await http.pushManifest(name, tags, second.manifest) }
        // A tag that moves.
        try await expect(201) { try await http.pushManifest(name, "v3", image.manifest) }
        try await expect(202) { try await http.deleteManifest(name, "v3") }
        try await expect(202) { try await http.deleteManifest(name, digest) }
        try await expect(202) { try await http.send("DELETE", "/v2/trade/other/blobs/\(blob)") }
      }
    }
  }
}

/// What a server did while a test's request was served.
private struct Trace {
  let calls: [SystemCall]

  private static let syncs: Set = ["fsync", "fdatasync"]
  private static let writes: Set = ["write", "writev", "pwrite64", "pwritev", "pwritev2"]

  static func of(_ kontor: KontorProcess, _ body: () async throws -> Void) async throws -> Trace {
    // Question marks: not every architecture has all of them.
    let storage = "?rename,?renameat,?renameat2,fsync,fdatasync,pwrite64,pwritev,?pwritev2"
    let arguments = ["-e", "trace=\(storage),write,writev,sendto,sendmsg"]
    return Trace(calls: try await Strace.during(arguments, of: kontor, body))
  }

  /// The one call that sends an answer with this status, and in it `text`, to a client.
  func answer(
    _ status: Int, naming text: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> SystemCall {
    let found = calls.filter { call in
      guard ["write", "writev", "sendto", "sendmsg"].contains(call.name), let path = call.descriptorPath,
        path.hasPrefix("socket:") || path.hasPrefix("TCP")
      else { return false }
      let line = "HTTP/1.1 \(status) "
      return call.strings.contains { $0.hasPrefix(line) && (text.isEmpty || $0.contains(text)) }
    }
    try #require(found.count == 1, "answers \(status) in\n\(self)", sourceLocation: sourceLocation)
    return found[0]
  }

  /// Requires that a commit was written to SQLite's log after `start`, and synced before `answer` began.
  /// - Parameter isAlone: whether all that is written is this answer's: no write may come after the sync then.
  func requireCommit(
    after start: Int = -1, before answer: SystemCall, isAlone: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let log = calls.filter { call in
      let isMeanwhile = call.began > start && call.began < answer.began
      return isMeanwhile && call.descriptorPath?.hasSuffix("/kontor.sqlite-wal") == true
    }
    let written = log.filter { Self.writes.contains($0.name) && $0.succeeded }.map(\.ended)
    let isSynced = log.contains { call in
      guard Self.syncs.contains(call.name), call.succeeded, call.ended < answer.began else { return false }
      return isAlone
        ? !written.isEmpty && written.allSatisfy { $0 < call.began } : written.contains { $0 < call.began }
    }
    try #require(isSynced, "no synced commit before\n\(answer)\nin\n\(self)", sourceLocation: sourceLocation)
  }

  /// Requires, in this order and before `answer` began: the upload's content synced, its file renamed to
  /// the blob's name, the blob's directory synced, and the commit that names the blob.
  func requireStored(
    _ digest: String, before answer: SystemCall, in data: String, isAlone: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let encoded = digest.split(separator: ":")[1]
    let directory = "\(data)/blobs/sha256/\(encoded.prefix(2))"
    let renames = calls.filter { $0.name.hasPrefix("rename") && $0.succeeded }
    let rename = try #require(
      renames.first { $0.strings.last == "\(directory)/\(encoded)" },
      "no rename to \(digest) in\n\(self)", sourceLocation: sourceLocation)
    let upload = try #require(rename.strings.first, sourceLocation: sourceLocation)

    try requireSyncedContent(of: upload, before: rename, sourceLocation: sourceLocation)
    let synced = calls.filter { $0.name == "fsync" && $0.succeeded && $0.descriptorPath == directory }
    let entry = try #require(
      synced.first { $0.began > rename.ended },
      "\(directory) is not synced after\n\(rename)\nin\n\(self)", sourceLocation: sourceLocation)
    #expect(entry.ended < answer.began, sourceLocation: sourceLocation)
    try requireCommit(after: entry.ended, before: answer, isAlone: isAlone, sourceLocation: sourceLocation)
  }

  /// Requires that a chunk is on the disk, and with the first one the name of its session's file, before
  /// `answer` began.
  func requireKept(
    uploadAt location: String, isFirst: Bool, before answer: SystemCall, in data: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let id = try #require(location.split(separator: "?").first?.split(separator: "/").last)
    try requireSyncedContent(of: "\(data)/uploads/\(id)", before: answer, sourceLocation: sourceLocation)
    guard isFirst else { return }
    let isNamed = calls.contains {
      $0.name == "fsync" && $0.succeeded && $0.descriptorPath == "\(data)/uploads" && $0.ended < answer.began
    }
    try #require(
      isNamed, "uploads/ is not synced before\n\(answer)\nin\n\(self)", sourceLocation: sourceLocation)
  }

  /// Requires that a file was synced after the last write to it, and that this was over before `call` began.
  private func requireSyncedContent(
    of path: String, before call: SystemCall, sourceLocation: SourceLocation
  ) throws {
    let onFile = calls.filter { $0.descriptorPath == path }
    let lastWrite = onFile.filter { Self.writes.contains($0.name) }.map(\.ended).max() ?? -1
    let isSynced = onFile.contains {
      Self.syncs.contains($0.name) && $0.succeeded && $0.began > lastWrite && $0.ended < call.began
    }
    try #require(
      isSynced, "\(path) is not synced before\n\(call)\nin\n\(self)", sourceLocation: sourceLocation)
  }
}

extension Trace: CustomStringConvertible {
  var description: String { calls.map(\.description).joined(separator: "\n") }
}
