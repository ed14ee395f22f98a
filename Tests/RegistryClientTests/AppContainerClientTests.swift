import AppContainer
import Foundation
import ImageTransfer
import Synchronization
import Testing

@testable import RegistryClient

/// Discovery and fetching, at servers that may answer anything.
@Suite("client of appc")
struct AppContainerClientTests {
  private typealias Answer = ScriptedRegistry.Answer

  private static func page(_ template: String, keys: String = "") -> Answer {
    Answer(
      body: Array(
        """
        <meta name="ac-discovery" content="example.com \(template)">
        <meta name="ac-discovery-pubkeys" content="example.com \(keys)">
        """.utf8))
  }

  private static let place = DiscoveryPage.Endpoint(
    image: "http://example.com/x.aci", signature: "http://example.com/x.aci.asc")

  /// A client that finds example.com, and other.example, at a server of the test's.
  private func client(
    _ server: ScriptedRegistry, root: String = "/var/tmp/kontor-no-such-directory",
    _ change: (inout ClientOptions) -> Void = { _ in }
  ) throws -> AppContainerClient {
    var options = ClientOptions()
    options.usesPlainHTTP = true
    options.retries.delay = .milliseconds(1)
    options.detours = try ["example.com", "other.example"].map {
      try ConnectionDetour(parsing: "\($0):80:\(server.host)")
    }
    change(&options)
    return try AppContainerClient(
      UserEnvironment(home: root, variables: [:], userID: 0, root: root), options: options)
  }

  private func fetch(
    _ client: AppContainerClient, atMost limit: Int64 = 1 << 20, isSigned: Bool = true
  ) throws -> (image: [UInt8], signature: [UInt8]?) {
    var image: [UInt8] = []
    let signature = try client.fetch(Self.place, atMost: limit, isSigned: isSigned) { image += $0 }
    return (image, signature)
  }

  @Test("it asks for the page of the name, then of what is above, through redirects, and tells each step")
  func walk() async throws {
    try await ScriptedRegistry.with { request in
      switch request.target {
      case "/app/hello?ac-discovery=1": Answer(status: 404)
      case "/app?ac-discovery=1": Answer(body: Array("<p>nothing here".utf8))
      case "/?ac-discovery=1": Answer(status: 302, headers: [("Location", "http://other.example/page")])
      case "/page": Self.page("http://example.com/{version}.{ext}", keys: "http://example.com/k.asc")
      default: Answer(status: 500)
      }
    } _: { server in
      let client = try client(server)
      var steps: [DiscoveryStep.Outcome] = []
      let found = try client.discover(try ACImageName(parsing: "example.com/app/hello")) {
        steps.append($0.outcome)
      }
      #expect(found.map(\.image) == ["http://example.com/latest.aci"])
      #expect(steps == [.status(404), .nothing, .found(1)])
      #expect(
        server.requests.map { $0.headers["host"] } == Array(repeating: "example.com", count: 3) + [
          "other.example"
        ])
      let keys = try client.discoverKeys(for: try ACIdentifier(parsing: "example.com/app"))
      #expect(keys == ["http://example.com/k.asc"])
    }
  }

  @Test("endless pages, circles of redirects and hosts without TLS end with what is wrong")
  func hostilePages() async throws {
    try await ScriptedRegistry.with { request in
      request.path == "/endless"
        ? Answer(body: Array("<meta name=x>".utf8), announcedLength: 1 << 40, isEndless: true)
        : Answer(status: 302, headers: [("Location", "/circle")])
    } _: { server in
      let client = try client(server)
      var steps: [String] = []
      #expect(throws: TransferError.self) {
        try client.discover(try ACImageName(parsing: "example.com/endless")) { steps.append("\($0)") }
      }
      #expect(steps.count == 2 && steps[0].contains("has more than 1048576 bytes"))
      #expect(steps[1].contains("more than 10 times"))
      #expect(server.requests.count < 20)

      let strict = try self.client(server) { options in
        options.usesPlainHTTP = false
        // Where nothing listens.
        options.detours = [try! ConnectionDetour(parsing: "example.com:443:127.0.0.1:1")]
      }
      steps = []
      #expect(throws: TransferError.self) {
        try strict.discover(try ACImageName(parsing: "example.com/app")) { steps.append("\($0)") }
      }
      #expect(steps.count == 1 && steps[0].hasPrefix("https://"))
      #expect(throws: TransferError.self) { try strict.keys(at: "http://example.com/k.asc") }
      #expect(throws: TransferError.self) { try client.keys(at: "file:///etc/passwd") }
    }
  }

  @Test("the signature comes before the image, and after it if it was not ready")
  func signature() async throws {
    try await ScriptedRegistry.with { request in
      request.path.hasSuffix(".asc")
        ? Answer(status: request.headers["x-never"] == nil ? 202 : 200) : Answer(body: [1, 2, 3])
    } _: { server in
      let client = try client(server)
      #expect(throws: TransferError.self) { try fetch(client) }
      #expect(server.requests.map(\.path) == ["/x.aci.asc", "/x.aci", "/x.aci.asc"])
      let got = try fetch(client, isSigned: false)
      #expect(got.image == [1, 2, 3] && got.signature == nil)
    }
    let asked = Asked()
    try await ScriptedRegistry.with { request in
      guard request.path.hasSuffix(".asc") else { return Answer(body: [1, 2, 3]) }
      return asked.next() == 1 ? Answer(status: 202) : Answer(body: [9])
    } _: { server in
      let got = try fetch(try client(server))
      #expect(got.image == [1, 2, 3] && got.signature == [9])
    }
    try await ScriptedRegistry.with { request in
      request.path.hasSuffix(".asc") ? Answer(status: 404) : Answer(body: [1])
    } _: { server in
      let got = try fetch(try client(server))
      #expect(got.signature == nil)
    }
  }

  @Test(
    "an image whose connection breaks is read on; one over the limit, or a signature without end, is refused")
  func images() async throws {
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try await ScriptedRegistry.with { request in
      if request.path.hasSuffix(".asc") {
        return Answer(body: [1], announcedLength: 1 << 40, isEndless: true)
      }
      guard let range = request.headers["range"], let start = Int(range.dropFirst(6).dropLast()) else {
        return Answer(body: content, breaksAfter: 100_000)
      }
      return Answer(
        status: 206, headers: [("Content-Range", "bytes \(start)-299999/300000")],
        body: Array(content[start...]))
    } _: { server in
      let client = try client(server)
      let got = try fetch(client, isSigned: false)
      #expect(got.image == content && server.requests.count == 2)
      #expect(throws: TransferError.self) { try fetch(client, atMost: 299_999, isSigned: false) }
      #expect(throws: TransferError.self) { try fetch(client) }
    }
  }

  @Test("rkt's credentials go to their hosts alone, and later directories override earlier ones")
  func credentials() async throws {
    try await ScriptedRegistry.with { request in
      request.path == "/x.aci"
        ? Answer(status: 302, headers: [("Location", "http://other.example/y")]) : Answer(body: [1])
    } _: { server in
      let root = "/var/tmp/kontor-auth-\(UUID())"
      defer { try? FileManager.default.removeItem(atPath: root) }
      func write(_ path: String, _ text: String) throws {
        let file = URL(filePath: root + path)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
      }
      let basic = #""type":"basic","credentials":{"user":"foo","password":"bar"}"#
      let kind = #""rktKind":"auth","rktVersion":"v1""#
      try write("/usr/lib/rkt/auth.d/a.json", #"{\#(kind),"domains":["example.com","a.example"],\#(basic)}"#)
      let got = { (at: Int) in server.requests[at].headers["authorization"] }
      _ = try fetch(try client(server, root: root), isSigned: false)
      #expect(got(0) == "Basic Zm9vOmJhcg==" && got(1) == nil)

      try write(
        "/etc/rkt/auth.d/b.json",
        #"{\#(kind),"domains":["example.com:80"],"type":"oauth","credentials":{"token":"t"}}"#)
      try write(
        "/etc/rkt/auth.d/docker.json", #"{"rktKind":"dockerAuth","rktVersion":"v1","registries":["a"]}"#)
      try write(
        "/.config/rkt/auth.d/c.json",
        #"{\#(kind),"domains":["Example.com"],"type":"oauth","credentials":{"token":"mine"}}"#)
      _ = try fetch(try client(server, root: root), isSigned: false)
      #expect(got(2) == "Bearer mine")

      try write("/etc/rkt/auth.d/d.json", #"{\#(kind),"domains":["example.com:80"],\#(basic)}"#)
      #expect(throws: TransferError.self) { try client(server, root: root) }
      try write("/etc/rkt/auth.d/d.json", #"{\#(kind),"domains":["b.example"],"type":"basic"}"#)
      #expect(throws: TransferError.self) { try client(server, root: root) }
      try write("/etc/rkt/auth.d/d.json", #"{\#(kind),"domains":["b.example"],"type":"aws"}"#)
      let one = try client(server, root: root)
      #expect(throws: TransferError.self) { try one.keys(at: "http://b.example/k") }
    }
  }
}

/// Counts requests.
private final class Asked: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
