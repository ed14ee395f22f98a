import Foundation
import Testing

/// What one repository may hold, by what a registry acknowledged about it.
///
/// An answer leaves one possibility. A request whose answer never came leaves two: it was done, or it was
/// not.
struct RepositoryModel: Sendable {
  /// An upload session that was left with content in it.
  struct Session: Sendable {
    var path: String
    var content: Data
    /// Bytes of `content` that the registry acknowledged.
    var received: Int
    /// Bytes of `content` that were sent, at most.
    var sent: Int
    /// Whether a request that ends the session was sent.
    var mayHaveEnded = false
  }

  let repository: String
  /// Whether a blob is there.
  private(set) var blobs: [String: Set<Bool>] = [:]
  private(set) var manifests: [String: Set<Bool>] = [:]
  /// The digest that a tag points to; nil for no tag.
  private(set) var tags: [String: Set<String?>] = [:]
  var sessions: [Session] = []
  /// All manifests ever sent, and the blobs that they name.
  private var documents: [String: (content: Data, blobs: [String])] = [:]

  init(repository: String) { self.repository = repository }

  // MARK: What was asked of the registry

  /// - Parameter isKnown: whether the registry acknowledged it.
  mutating func pushed(blob digest: String, isKnown: Bool) {
    blobs[digest] = isKnown ? [true] : (blobs[digest] ?? [false]).union([true])
  }

  mutating func deleted(blob digest: String, isKnown: Bool) {
    blobs[digest] = isKnown ? [false] : (blobs[digest] ?? []).union([false])
  }

  mutating func pushed(manifest content: Data, naming blobs: [String], tags names: [String], isKnown: Bool) {
    let digest = sha256(content)
    documents[digest] = (content, blobs)
    manifests[digest] = isKnown ? [true] : (manifests[digest] ?? [false]).union([true])
    for tag in names { tags[tag] = isKnown ? [digest] : (tags[tag] ?? [nil]).union([digest]) }
    // The registry takes no manifest without its blobs.
    if isKnown { for blob in blobs { self.blobs[blob] = [true] } }
  }

  mutating func deleted(tag: String, isKnown: Bool) {
    tags[tag] = isKnown ? [nil] : (tags[tag] ?? []).union([nil])
  }

  /// A manifest goes with every tag that points to it.
  mutating func deleted(manifest digest: String, isKnown: Bool) {
    manifests[digest] = isKnown ? [false] : (manifests[digest] ?? []).union([false])
    for (tag, possible) in tags where possible.contains(digest) {
      tags[tag] = isKnown ? possible.subtracting([digest]).union([nil]) : possible.union([nil])
    }
  }

  /// Collections without a grace period ran: what no manifest needs may have gone.
  mutating func collectedWithoutGrace() {
    let needed = Set(manifests.filter { $0.value == [true] }.flatMap { documents[$0.key]?.blobs ?? [] })
    for (digest, possible) in blobs where possible.contains(true) && !needed.contains(digest) {
      blobs[digest] = [true, false]
    }
  }

  // MARK: What can be asked for next

  /// Blobs that are there for certain and that no manifest may name.
  var looseBlobs: [String] {
    let named = Set(manifests.filter { $0.value.contains(true) }.flatMap { documents[$0.key]?.blobs ?? [] })
    return blobs.filter { $0.value == [true] && !named.contains($0.key) }.map(\.key).sorted()
  }

  var certainManifests: [String] { manifests.filter { $0.value == [true] }.map(\.key).sorted() }
  var certainTags: [String] { tags.filter { $0.value.count == 1 && $0.value != [nil] }.map(\.key).sorted() }

  // MARK: What is there

  /// Compares the repository with what it may hold, and keeps what it does hold: what has been seen to be gone
  /// is not asked for again.
  mutating func check(_ http: PlainHTTP, _ comment: Comment) async throws {
    for (tag, possible) in tags {
      let found = try await document(tag, http, comment)
      #expect(possible.contains(found), "\(comment): the tag \(tag)")
      tags[tag] = [found]
    }
    for (digest, possible) in manifests {
      let found = try await document(digest, http, comment) != nil
      #expect(possible.contains(found), "\(comment): the manifest \(digest)")
      manifests[digest] = found ? [true] : nil
    }
    for (digest, possible) in blobs {
      let found = try await hasBlob(digest, http, comment)
      #expect(possible.contains(found), "\(comment): the blob \(digest)")
      blobs[digest] = found ? [true] : nil
    }
  }

  /// Requires that a manifest, if there is one, is as it was pushed, and that every blob it names can be
  /// pulled.
  /// - Returns: its digest; nil if there is none.
  private func document(_ reference: String, _ http: PlainHTTP, _ comment: Comment) async throws -> String? {
    let pulled = try await http.manifest(repository, reference)
    guard pulled.status == 200 else {
      #expect(pulled.status == 404, "\(comment): \(reference): \(pulled.text)")
      return nil
    }
    let digest = sha256(pulled.body)
    let document = try #require(documents[digest], "\(comment): \(reference) is no manifest that was pushed")
    for blob in document.blobs {
      #expect(try await hasBlob(blob, http, comment), "\(comment): \(reference) has lost its blob \(blob)")
    }
    return digest
  }

  /// Whether a blob is there; expects that it is whole then.
  private func hasBlob(_ digest: String, _ http: PlainHTTP, _ comment: Comment) async throws -> Bool {
    let pulled = try await http.blob(repository, digest)
    if pulled.status == 200 { #expect(sha256(pulled.body) == digest, "\(comment)") }
    #expect(pulled.status == 200 || pulled.status == 404, "\(comment): \(digest): \(pulled.text)")
    let head = try await http.send("HEAD", "/v2/\(repository)/blobs/\(digest)")
    #expect(head.status == pulled.status, "\(comment): HEAD of \(digest)")
    return pulled.status == 200
  }

  /// Goes on with the upload sessions, each of which must have kept what was acknowledged, and finishes them.
  mutating func finishSessions(_ http: PlainHTTP, _ comment: Comment) async throws {
    for session in sessions {
      let digest = sha256(session.content)
      let status = try await http.get(session.path)
      if status.status == 404 && session.mayHaveEnded {
        pushed(blob: digest, isKnown: false)
        continue
      }
      try #require(status.status == 204, "\(comment): \(session.path): \(status.text)")
      let last = try #require(status["range"]?.split(separator: "-").last.flatMap { Int($0) })
      // The range of nothing is written as that of one byte, which no session here has.
      let size = last == 0 ? 0 : last + 1
      // A crash amid a session's end, between the file's new name and its row, leaves the session empty.
      let isKept = (session.received...session.sent).contains(size) || (size == 0 && session.mayHaveEnded)
      try #require(isKept, "\(comment): \(session.path) has \(size) bytes instead of \(session.received)")
      let answer = try await http.send(
        "PUT", Curl.url(session.path, adding: "digest=\(digest)"),
        headers: ["Content-Type": "application/octet-stream"], body: session.content[size...])
      try #require(answer.status == 201, "\(comment): \(session.path): \(answer.text)")
      pushed(blob: digest, isKnown: true)
    }
    sessions = []
  }
}
