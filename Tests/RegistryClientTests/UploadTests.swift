import ContainerImage
import ImageTransfer
import Synchronization
import Testing

@testable import RegistryClient

/// A registry that keeps what is uploaded, and breaks connections when told.
private final class UploadRegistry: Sendable {
  struct State {
    var received: [UInt8] = []
    var blob: [UInt8]?
    var rejects = 0
  }

  let state = Mutex(State())

  func answer(_ request: ScriptedRegistry.Request) -> ScriptedRegistry.Answer {
    state.withLock { state in
      let location = [("Location", "/v2/trade/hello/blobs/uploads/1?state=x")]
      switch request.method {
      case "POST": return .init(status: 202, headers: location)
      case "PATCH":
        if state.rejects > 0 {
          state.rejects -= 1
          return .init(status: 503)
        }
        if let range = request.headers["content-range"] {
          guard range.hasPrefix("\(state.received.count)-") else { return .init(status: 416) }
        } else if !state.received.isEmpty {
          return .init(status: 416)
        }
        state.received += request.body
        return .init(status: 202, headers: location)
      case "GET":
        return .init(status: 204, headers: location + [("Range", "0-\(max(0, state.received.count - 1))")])
      case "PUT":
        state.blob = state.received + request.body
        return .init(status: 201)
      case "DELETE": return .init(status: 204)
      default: return .init(status: 405)
      }
    }
  }
}

/// Content in memory.
private struct MemorySource: ImageSource {
  let content: [UInt8]
  func root() throws -> ManifestDocument { throw TransferError.notFound("none") }
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { throw TransferError.notFound("none") }
  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    MemoryReader(content, from: offset)
  }
}

@Suite("uploads", .serialized)
struct UploadTests {
  private func put(_ content: [UInt8], size: Int64? = nil, to server: ScriptedRegistry) throws {
    let descriptor = Descriptor(
      mediaType: MediaType("x/y"), digest: Digest(hashing: content), size: size ?? Int64(content.count))
    try RegistryClient.forTests().repository(
      ImageReference(parsing: "\(server.host)/trade/hello"), for: .push
    ).put(BlobContent(descriptor, of: MemorySource(content: content)))
  }

  private func content(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
  }

  @Test(arguments: [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
  func aBlobArrivesWhole(count: Int) async throws {
    let registry = UploadRegistry()
    try await ScriptedRegistry.with(registry.answer) { server in
      try put(content(count), to: server)
      #expect(registry.state.withLock { $0.blob } == content(count))
      #expect(server.requests.last?.target.contains("state=x&digest=sha256%3A") == true)
    }
  }

  @Test func anUploadGoesOnWhereTheRegistrySaysThatItStopped() async throws {
    let registry = UploadRegistry()
    try await ScriptedRegistry.with(registry.answer) { server in
      server.breakNextBody(after: 2_000_000)
      try put(content(5_000_000), to: server)
      #expect(registry.state.withLock { $0.blob } == content(5_000_000))
      #expect(server.requests.map(\.method) == ["POST", "PATCH", "GET", "PATCH", "PUT"])
      #expect(server.requests[3].headers["content-range"] == "2000000-4999999")
      #expect(server.requests[3].body.count == 3_000_000)
    }
  }

  @Test func aRegistryThatIsBusyIsAskedAgain() async throws {
    let registry = UploadRegistry()
    registry.state.withLock { $0.rejects = 2 }
    try await ScriptedRegistry.with(registry.answer) { server in
      try put(content(3_000_000), to: server)
      #expect(registry.state.withLock { $0.blob } == content(3_000_000))
    }
  }

  @Test func anUploadThatCannotBeDoneIsTakenBack() async throws {
    let registry = UploadRegistry()
    registry.state.withLock { $0.rejects = 1000 }
    try await ScriptedRegistry.with(registry.answer) { server in
      #expect(throws: TransferError.self) { try put(content(3_000_000), to: server) }
      #expect(server.requests.last?.method == "DELETE")
      #expect(registry.state.withLock { $0.blob } == nil)
    }
  }

  @Test func aSourceThatEndsTooEarlyIsNotUploaded() async throws {
    let registry = UploadRegistry()
    try await ScriptedRegistry.with(registry.answer) { server in
      let error = #expect(throws: TransferError.self) {
        try put(content(2_000_000), size: 2_000_001, to: server)
      }
      guard case .wrongContent? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(registry.state.withLock { $0.blob } == nil)
    }
  }
}
