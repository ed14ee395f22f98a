import ContainerImage
import Foundation
import ImageTransfer
import Synchronization
import Testing

@testable import RegistryClient

/// Registries that lie, break off, or ask for patience.
@Suite("hostile registries", .serialized)
struct HostileRegistryTests {
  typealias Answer = ScriptedRegistry.Answer

  private static let content = [UInt8](unsafeUninitializedCapacity: 3_000_000) { buffer, count in
    var state: UInt32 = 1
    for index in buffer.indices {
      state = state &* 1_664_525 &+ 1_013_904_223
      buffer[index] = UInt8(state >> 24)
    }
    count = buffer.count
  }
  private static let blob = Descriptor(
    mediaType: MediaType("application/octet-stream"), digest: Digest(hashing: content),
    size: Int64(content.count))

  private func repository(
    _ server: ScriptedRegistry, _ operation: RegistryOperation = .pullByTag,
    _ change: (inout ClientOptions) -> Void = { _ in }
  ) throws -> RemoteRepository {
    try RegistryClient.forTests(change).repository(
      ImageReference(parsing: "\(server.host)/trade/hello:v1"), for: operation)
  }

  private func read(_ reader: any BlobReader, by size: Int = 100_000) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try reader.read(into: buffer)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  private func verified(_ server: ScriptedRegistry, by size: Int = 100_000) throws -> [UInt8] {
    try read(VerifyingReader(try repository(server).blob(Self.blob), expecting: Self.blob), by: size)
  }

  /// The error of `body`, which must be of this module's kind.
  private func failure(_ body: () throws -> Void) -> TransferError? {
    #expect(throws: TransferError.self) { try body() }
  }

  // MARK: Blobs

  /// Into buffers that are smaller and larger than what comes at once.
  @Test(arguments: [1000, 100_000, 256 << 10, 1 << 20]) func aBlobComesWhole(size: Int) async throws {
    try await ScriptedRegistry.with { _ in
      Answer(body: Self.content)
    } _: { server in
      let got = try verified(server, by: size)
      #expect(got == Self.content)
      #expect(server.requests.map(\.target) == ["/v2/trade/hello/blobs/\(Self.blob.digest)"])
    }
  }

  @Test func aBlobOfAnotherDigestIsRefused() async throws {
    var other = Self.content
    other[1_000_000] ^= 1
    try await ScriptedRegistry.with { [other] _ in
      Answer(body: other)
    } _: { server in
      guard case .wrongContent(Self.blob.digest, _)? = failure({ _ = try verified(server) }) else {
        Issue.record("taken")
        return
      }
    }
  }

  @Test(arguments: [1, 2_999_999])
  func aBlobThatIsShorterIsRefused(missing: Int) async throws {
    try await ScriptedRegistry.with { _ in
      Answer(body: Array(Self.content.dropLast(missing)))
    } _: { server in
      guard case .wrongContent? = failure({ _ = try verified(server) }) else {
        Issue.record("taken")
        return
      }
    }
  }

  @Test func aBlobWithoutEndIsBrokenOff() async throws {
    try await ScriptedRegistry.with { _ in
      Answer(body: Self.content, isEndless: true)
    } _: { server in
      guard case .wrongContent? = failure({ _ = try verified(server) }) else {
        Issue.record("taken")
        return
      }
    }
  }

  @Test(arguments: [100_000, 1 << 20]) func aBrokenDownloadGoesOnWhereItStopped(size: Int) async throws {
    try await ScriptedRegistry.with { request in
      let range = request.headers["range"]?.dropFirst("bytes=".count).dropLast()
      let start = range.flatMap { Int($0) } ?? 0
      let rest = Array(Self.content[start...])
      var answer = Answer(
        status: start > 0 ? 206 : 200,
        headers: start > 0
          ? [("Content-Range", "bytes \(start)-\(Self.content.count - 1)/\(Self.content.count)")] : [],
        body: rest)
      if rest.count > 700_000 { answer.breaksAfter = 700_000 }
      return answer
    } _: { server in
      let got = try verified(server, by: size)
      #expect(got == Self.content)
      #expect(
        server.requests.map { $0.headers["range"] } == [
          nil, "bytes=700000-", "bytes=1400000-", "bytes=2100000-", "bytes=2800000-",
        ])
    }
  }

  @Test func aServerWithoutRangesIsReadOverWhatIsHere() async throws {
    let count = Mutex(0)
    try await ScriptedRegistry.with { _ in
      let isFirst = count.withLock { count in
        count += 1
        return count == 1
      }
      return Answer(body: Self.content, breaksAfter: isFirst ? 1_234_567 : nil)
    } _: { server in
      let got = try verified(server)
      #expect(got == Self.content)
      #expect(server.requests.count == 2)
    }
  }

  @Test func aServerThatBreaksOffAtOnceIsNotAskedForEver() async throws {
    try await ScriptedRegistry.with { _ in
      Answer(body: Self.content, breaksAfter: 0)
    } _: { server in
      guard case .failed? = failure({ _ = try verified(server) }) else {
        Issue.record("taken")
        return
      }
      #expect(server.requests.count == RetryPolicy().attempts)
    }
  }

  // MARK: Patience

  @Test(arguments: [429, 500, 502, 503, 504])
  func whatFailsForAMomentIsAskedAgain(status: Int) async throws {
    let count = Mutex(0)
    try await ScriptedRegistry.with { _ in
      let number = count.withLock { count in
        count += 1
        return count
      }
      return number < 3 ? Answer(status: status, headers: [("Retry-After", "0")]) : Answer(body: Self.content)
    } _: { server in
      let got = try verified(server)
      #expect(got == Self.content)
      #expect(server.requests.count == 3)
    }
  }

  @Test func aRegistryThatAsksForMuchPatienceHasFailed() async throws {
    try await ScriptedRegistry.with { _ in
      Answer(status: 429, headers: [("Retry-After", "86400")])
    } _: { server in
      let error = failure { _ = try repository(server).manifest() }
      #expect("\(error.map { "\($0)" } ?? "")".contains("patience"))
      #expect(server.requests.count == 1)
    }
  }

  @Test(arguments: [400, 404, 405, 418])
  func whatIsRefusedForGoodIsNotAskedAgain(status: Int) async throws {
    try await ScriptedRegistry.with { _ in
      Answer(status: status, headers: [("Content-Type", "text/html")], body: Array("<html>No</html>".utf8))
    } _: { server in
      let error = failure { _ = try repository(server).manifest() }
      if case .notFound? = error { #expect(status == 404) } else { #expect(status != 404) }
      #expect("\(error.map { "\($0)" } ?? "")".contains("status \(status)"))
      #expect(server.requests.count == 1)
    }
  }

  // MARK: Redirects

  @Test func redirectsInACircleEnd() async throws {
    try await ScriptedRegistry.with { request in
      Answer(status: 307, headers: [("Location", request.target)])
    } _: { server in
      let error = failure { _ = try repository(server).manifest() }
      #expect("\(error.map { "\($0)" } ?? "")".contains("more than 10 times"))
      #expect(server.requests.count == 11)
    }
  }

  @Test(arguments: ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://user:word@127.0.0.1/", "http://["])
  func redirectsToWhatIsNoServerEnd(location: String) async throws {
    try await ScriptedRegistry.with { _ in
      Answer(status: 302, headers: [("Location", location)])
    } _: { server in
      guard case .failed? = failure({ _ = try repository(server).manifest() }) else {
        Issue.record("followed")
        return
      }
      #expect(server.requests.count == 1)
    }
  }

  @Test func noOtherServerSeesTheCredentials() async throws {
    try await ScriptedRegistry.with { _ in
      Answer(body: Self.content)
    } _: { other in
      let target = "http://\(other.host)/elsewhere"
      try await ScriptedRegistry.with { request in
        request.headers["authorization"] == nil
          ? Answer(status: 401, headers: [("WWW-Authenticate", "Basic realm=x")])
          : Answer(status: 307, headers: [("Location", target)])
      } _: { server in
        let repository = try repository(server, .pullByTag) {
          $0.credentials = .password(username: "me", password: Secret("word"))
        }
        let got = try read(repository.blob(Self.blob))
        #expect(got == Self.content)
        #expect(server.requests.last?.headers["authorization"] == "Basic bWU6d29yZA==")
        #expect(other.requests.count == 1)
        #expect(other.requests.first?.headers["authorization"] == nil)
      }
    }
  }

  @Test func whoServesAForeignLayerSeesNoCredentials() async throws {
    try await ScriptedRegistry.with { _ in
      Answer(body: Self.content)
    } _: { other in
      var layer = Self.blob
      layer.mediaType = .dockerForeignLayer
      layer.urls = ["http://\(other.host)/layer"]
      try await ScriptedRegistry.with { request in
        request.headers["authorization"] == nil
          ? Answer(status: 401, headers: [("WWW-Authenticate", "Basic realm=x")]) : Answer(status: 404)
      } _: { server in
        let repository = try repository(server, .pullByTag) {
          $0.credentials = .password(username: "me", password: Secret("word"))
        }
        let got = try read(repository.blob(layer))
        #expect(got == Self.content)
        #expect(other.requests.map { $0.headers["authorization"] } == [nil])
      }
    }
  }

  // MARK: Manifests

  private static let index =
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#

  @Test(arguments: ["", "<html></html>", "[]", "{}", #"{"schemaVersion":1}"#])
  func whatIsNoManifestIsRefused(body: String) async throws {
    try await ScriptedRegistry.with { _ in
      .json(200, body)
    } _: { server in
      guard case .notAnImage? = failure({ _ = try repository(server).manifest() }) else {
        Issue.record("taken")
        return
      }
    }
  }

  @Test func aManifestMustHaveTheDigestThatIsAskedForOrTold() async throws {
    let other = Digest(hashing: Array("other".utf8))
    try await ScriptedRegistry.with { _ in
      .json(200, Self.index, [("Docker-Content-Digest", "\(other)")])
    } _: { server in
      guard case .wrongContent(other, _)? = failure({ _ = try repository(server).manifest() }) else {
        Issue.record("taken")
        return
      }
      guard case .wrongContent? = failure({ _ = try repository(server).manifest(.digest(other)) }) else {
        Issue.record("taken")
        return
      }
    }
  }

  @Test func aManifestOfAnotherTypeThanItSaysIsRefused() async throws {
    try await ScriptedRegistry.with { _ in
      Answer(
        headers: [("Content-Type", "application/vnd.oci.image.manifest.v1+json")],
        body: Array(Self.index.utf8))
    } _: { server in
      guard case .notAnImage? = failure({ _ = try repository(server).manifest() }) else {
        Issue.record("taken")
        return
      }
    }
  }

  @Test func listsAreReadToTheirEndAndNotInACircle() async throws {
    try await ScriptedRegistry.with { request in
      switch request.target {
      case "/v2/trade/hello/tags/list?n=1000":
        .json(200, #"{"tags":["a","b"]}"#, [("Link", #"</v2/trade/hello/tags/list?n=2&last=b>; rel="next""#)])
      case "/v2/trade/hello/tags/list?n=2&last=b":
        .json(200, #"{"tags":["c"]}"#, [("Link", #"<?n=2&last=b>; rel="next""#)])
      default: Answer(status: 404)
      }
    } _: { server in
      let got = try repository(server).tags()
      #expect(got == ["a", "b", "c"])
    }
  }
}
