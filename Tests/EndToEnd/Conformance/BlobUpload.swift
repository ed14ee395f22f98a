import Foundation
import Testing

/// A way to bring a blob into a repository.
enum BlobUpload: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case singlePost = "one POST"
  case postAndPut = "POST and PUT"
  case oneChunk = "one chunk"
  case chunks = "three chunks"
  case lastChunkInPut = "three chunks, the last one with the PUT"
  case unnumberedChunks = "chunks without Content-Range"
  case stream = "one PATCH of unknown length"
  case streamedPut = "one PUT of unknown length"

  var testDescription: String { rawValue }

  /// The parts in which the content goes, none of which is shorter than the specification's program makes
  /// them.
  static func ranges(of count: Int, atLeast minimum: Int = 1024) -> [Range<Int>] {
    let size = max(minimum, count / 3 + 1)
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  /// Uploads content and returns the last answer, whatever it is.
  ///
  /// - Parameters:
  ///   - digest: what the registry is told; nil says the truth.
  ///   - query: parameters of the POST that starts a session, with their question mark.
  func send(
    _ blob: Content, as digest: String? = nil, to repository: TestRepository, query: String = ""
  ) async throws -> PlainHTTP.Response {
    let parameter = "digest=\(digest ?? blob.digest)"
    let http = repository.http
    if self == .singlePost {
      return try await http.send(
        "POST", "\(repository.uploads)?\(parameter)", headers: .octets, body: blob.bytes)
    }
    var location = try await repository.startUpload(query: query)
    func finish(_ body: Data = Data(), headers: [String: String] = [:]) async throws -> PlainHTTP.Response {
      try await http.send(
        "PUT", http.path(of: Curl.url(location, adding: parameter)), headers: headers, body: body)
    }
    switch self {
    case .singlePost, .postAndPut:
      return try await finish(blob.bytes, headers: .octets)
    case .oneChunk:
      guard !blob.bytes.isEmpty else { return try await finish() }
      location = try await patch(blob, 0..<blob.bytes.count, at: location, repository)
    case .chunks, .unnumberedChunks:
      for range in Self.ranges(of: blob.bytes.count) {
        location = try await patch(blob, range, at: location, repository)
      }
    case .lastChunkInPut:
      let ranges = Self.ranges(of: blob.bytes.count)
      for range in ranges.dropLast() { location = try await patch(blob, range, at: location, repository) }
      guard let last = ranges.last else { return try await finish() }
      return try await finish(blob.bytes.subdata(in: last), headers: .chunk(last))
    case .stream:
      let answer = try await repository.stream("PATCH", location, blob.bytes)
      try #require(answer.status == 202)
      location = try #require(answer["location"])
    case .streamedPut:
      return try await repository.stream("PUT", Curl.url(location, adding: parameter), blob.bytes)
    }
    return try await finish()
  }

  private func patch(
    _ blob: Content, _ range: Range<Int>, at location: String, _ repository: TestRepository
  ) async throws -> String {
    let answer = try await repository.expect(
      202, "PATCH", location, headers: self == .unnumberedChunks ? .octets : .chunk(range),
      body: blob.bytes.subdata(in: range))
    #expect(answer["range"] == "0-\(range.upperBound - 1)")
    return try #require(answer["location"])
  }
}

extension TestRepository {
  /// Sends a body whose length the request does not tell (RFC 9112, section 7.1).
  func stream(_ method: String, _ path: String, _ body: Data, type: String = MediaType.octets) async throws
    -> PlainHTTP.Response
  {
    let answer = try await curl.send(
      method, path, headers: ["Transfer-Encoding": "chunked", "Content-Type": type], body: body)
    let headers = Dictionary(answer.headers, uniquingKeysWith: { $1 })
    return PlainHTTP.Response(status: answer.status, headers: headers, body: answer.body)
  }
}
