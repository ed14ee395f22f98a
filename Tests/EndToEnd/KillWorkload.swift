import Foundation
import Synchronization
import Testing

/// What the clients of one round share.
final class KillRound: Sendable {
  private struct State {
    var answers = 0
    var isKilled = false
  }

  /// Whether collections of this round take what no manifest needs at once.
  let collectsAtOnce: Bool
  let name: String
  private let state = Mutex(State())

  init(_ name: String, collectsAtOnce: Bool) {
    self.name = name
    self.collectsAtOnce = collectsAtOnce
  }

  var answers: Int { state.withLock { $0.answers } }
  var isKilled: Bool { state.withLock { $0.isKilled } }
  func answered() { state.withLock { $0.answers += 1 } }
  func willKill() { state.withLock { $0.isKilled = true } }
}

/// One client that pushes, mounts and deletes in a repository of its own until the server is gone.
struct KillWorkload: Sendable {
  /// The server was killed while a request was under way, or before.
  private struct ServerGone: Error {}

  private(set) var model: RepositoryModel
  private var generator: SeededGenerator
  private let http: PlainHTTP
  private let round: KillRound
  /// Repositories of the other clients, to mount from.
  private let others: [String]
  /// Content that all clients push, so that they meet at its files.
  private let shared: [Data]

  private var repository: String { model.repository }
  private static let binary = ["Content-Type": "application/octet-stream"]

  init(
    _ model: RepositoryModel, seed: UInt64, http: PlainHTTP, round: KillRound, others: [String],
    shared: [Data]
  ) {
    self.model = model
    generator = SeededGenerator(seed: seed)
    self.http = http
    self.round = round
    self.others = others
    self.shared = shared
  }

  /// Works until the server is gone.
  mutating func run() async throws {
    do {
      while true { try await step() }
    } catch is ServerGone {
      if round.collectsAtOnce { model.collectedWithoutGrace() }
    }
  }

  private mutating func step() async throws {
    // However many rounds there are, each has about as much to check as the others.
    if model.certainManifests.count > 15 { return try await deleteManifest() }
    switch generator.next() % 12 {
    case 0, 1: _ = try await pushBlob()
    case 2...5: try await pushImage()
    case 6: try await deleteTag()
    case 7: try await deleteManifest()
    case 8: try await deleteBlob()
    case 9: try await leaveSession()
    case 10: try await breakOff()
    default: try await finishSession()
    }
  }

  /// Sends a request.
  /// - Throws: `ServerGone` if there is no whole answer because the server was killed.
  private func send(
    _ method: String, _ path: String, headers: [String: String] = binary, body: Data = Data()
  ) async throws -> PlainHTTP.Response {
    do {
      let answer = try await http.send(method, path, headers: headers, body: body)
      round.answered()
      return answer
    } catch let broken as PlainHTTP.Broken {
      if !round.isKilled { Issue.record("\(round.name): \(method) \(path): \(broken)") }
      throw ServerGone()
    }
  }

  private func expect(_ statuses: Set<Int>, _ answer: PlainHTTP.Response, _ what: String) throws {
    try #require(statuses.contains(answer.status), "\(round.name): \(what): \(answer.text)")
  }

  private mutating func content() -> Data {
    if generator.oneIn(3), let content = shared.randomElement(using: &generator) { return content }
    let sizes = [2, 100, 5000, 70_000, 400_000, 2_500_000]
    return generator.data(sizes.randomElement(using: &generator) ?? 2)
  }

  // MARK: Pushes

  private mutating func pushBlob() async throws -> Data {
    let content = content()
    let digest = sha256(content)
    do {
      switch generator.next() % 4 {
      case 0:
        let path = "/v2/\(repository)/blobs/uploads/?digest=\(digest)"
        try expect([201], try await send("POST", path, body: content), "a push in one request")
      case 1:
        // Only what the other repository links at this moment can be mounted; else a session starts.
        let source = others.randomElement(using: &generator) ?? ""
        let path = "/v2/\(repository)/blobs/uploads/?mount=\(digest)&from=\(source)"
        let answer = try await send("POST", path)
        try expect([201, 202], answer, "a mount")
        if answer.status == 202 { try await finish(try location(answer), digest, content) }
      case 2:
        try await finish(try await startSession(), digest, content)
      default:
        var path = try await startSession()
        let middle = Int.random(in: 0..<content.count, using: &generator)
        for part in [content[..<middle], content[middle...]] where !part.isEmpty {
          let range = "\(part.startIndex)-\(part.endIndex - 1)"
          let headers = Self.binary.merging(["Content-Range": range]) { $1 }
          let answer = try await send("PATCH", path, headers: headers, body: part)
          try expect([202], answer, "a chunk")
          path = try location(answer)
        }
        try await finish(path, digest, Data())
      }
      model.pushed(blob: digest, isKnown: true)
    } catch let gone as ServerGone {
      model.pushed(blob: digest, isKnown: false)
      throw gone
    }
    return content
  }

  private mutating func pushImage() async throws {
    var blobs: [OCILayout.Descriptor] = []
    for _ in 0...(generator.next() % 3) {
      blobs.append(OCILayout.Descriptor(try await pushBlob(), mediaType: OCILayout.MediaType.layer))
    }
    let manifest = try OCILayout.Manifest(
      mediaType: OCILayout.MediaType.manifest, config: blobs[0], layers: Array(blobs.dropFirst()),
      annotations: ["number": "\(generator.next())"]
    ).encoded()
    var names = ["v1", "v2", "v3", "v4", "v5", "v6"].shuffled(using: &generator)
    names.removeLast(Int(generator.next() % 7))
    let query = names.isEmpty ? "" : "?" + names.map { "tag=\($0)" }.joined(separator: "&")
    let digests = blobs.map(\.digest)
    do {
      let answer = try await send(
        "PUT", "/v2/\(repository)/manifests/\(sha256(manifest))\(query)",
        headers: ["Content-Type": OCILayout.MediaType.manifest], body: manifest)
      // A collection without grace may have taken the blobs meanwhile.
      let isRefused = round.collectsAtOnce && answer.errorCodes?.first == "MANIFEST_BLOB_UNKNOWN"
      if isRefused { return }
      try expect([201], answer, "a manifest")
      model.pushed(manifest: manifest, naming: digests, tags: names, isKnown: true)
    } catch let gone as ServerGone {
      model.pushed(manifest: manifest, naming: digests, tags: names, isKnown: false)
      throw gone
    }
  }

  private func startSession() async throws -> String {
    let answer = try await send("POST", "/v2/\(repository)/blobs/uploads/")
    try expect([202], answer, "a session")
    return try location(answer)
  }

  private func location(_ answer: PlainHTTP.Response) throws -> String {
    http.path(of: try #require(answer["location"]))
  }

  private func finish(_ path: String, _ digest: String, _ content: Data) async throws {
    let answer = try await send("PUT", Curl.url(path, adding: "digest=\(digest)"), body: content)
    try expect([201], answer, "the end of a session")
  }

  // MARK: Sessions that stay

  private mutating func leaveSession() async throws {
    let content = generator.data(Int.random(in: 10...1_000_000, using: &generator))
    let count = Int.random(in: 2...content.count, using: &generator)
    let path = try await startSession()
    model.sessions.append(.init(path: path, content: content, received: 0, sent: count))
    try expect([202], try await send("PATCH", path, body: content[..<count]), "a chunk")
    model.sessions[model.sessions.count - 1].received = count
  }

  private mutating func finishSession() async throws {
    guard let session = model.sessions.last else { return }
    let last = model.sessions.count - 1
    model.sessions[last].mayHaveEnded = true
    model.sessions[last].sent = session.content.count
    let digest = sha256(session.content)
    try await finish(session.path, digest, session.content[session.received...])
    model.sessions.removeLast()
    model.pushed(blob: digest, isKnown: true)
  }

  /// A client that goes away in the middle of a push.
  private mutating func breakOff() async throws {
    let content = generator.data(300_000)
    let digest = sha256(content)
    model.deleted(blob: digest, isKnown: true)
    _ = try? await http.send(
      "POST", "/v2/\(repository)/blobs/uploads/?digest=\(digest)", headers: Self.binary, body: content,
      sentBytes: Int.random(in: 0..<content.count, using: &generator))
  }

  // MARK: Deletions

  private mutating func deleteTag() async throws {
    guard let tag = model.certainTags.randomElement(using: &generator) else { return }
    model.deleted(tag: tag, isKnown: false)
    try expect([202], try await send("DELETE", "/v2/\(repository)/manifests/\(tag)"), "deleting a tag")
    model.deleted(tag: tag, isKnown: true)
  }

  private mutating func deleteManifest() async throws {
    guard let digest = model.certainManifests.randomElement(using: &generator) else { return }
    model.deleted(manifest: digest, isKnown: false)
    let answer = try await send("DELETE", "/v2/\(repository)/manifests/\(digest)")
    try expect([202], answer, "deleting a manifest")
    model.deleted(manifest: digest, isKnown: true)
  }

  private mutating func deleteBlob() async throws {
    guard let digest = model.looseBlobs.randomElement(using: &generator) else { return }
    model.deleted(blob: digest, isKnown: false)
    let answer = try await send("DELETE", "/v2/\(repository)/blobs/\(digest)")
    try expect(round.collectsAtOnce ? [202, 404] : [202], answer, "deleting a blob")
    model.deleted(blob: digest, isKnown: true)
  }
}
