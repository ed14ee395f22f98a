import Foundation
import Testing

extension EndToEndTests {
  /// Many clients that connect and say nothing.
  @Suite("idle connections", .serialized)
  struct IdleConnectionsTests {
    private static let count = 10_000

    @Test("10,000 cost little memory, keep nobody out, and leave nothing when they go")
    func tenThousand() async throws {
      try allowDescriptors(Self.count + 2000)
      let settings = KontorProcess.Settings(environment: ["KONTOR_SERVER_HEADERTIMEOUT": "10m"])
      try await KontorProcess.with(settings) { kontor in
        let http = PlainHTTP(kontor.endpoint)
        let content = Data("goods".utf8)
        #expect(try await http.pushBlob("trade/goods", content).status == 201)
        let before = try residentMemory(of: kontor)
        var connections: [Int32] = []
        defer { for connection in connections { close(connection) } }
        for _ in 0..<Self.count { connections.append(try http.open()) }

        #expect(try await http.blob("trade/goods", sha256(content)).body == content)
        try await kontor.daemon.waitFor("all connections") { _ in
          try await openConnections(http) > Self.count ? true : nil
        }
        let each = (try residentMemory(of: kontor) - before) / Self.count
        #expect(each < 16 << 10, "each connection takes \(each) bytes")

        // That the server ends them when their time is over is shown with the HTTP server's own tests.
        for connection in connections { close(connection) }
        connections = []
        try await kontor.daemon.waitFor("the end of the idle connections") { _ in
          try await openConnections(http) < 10 ? true : nil
        }
      }
    }

    private func openConnections(_ http: PlainHTTP) async throws -> Int {
      let metrics = String(decoding: try await http.get("/metrics").body, as: UTF8.self)
      let value = try #require(metrics.firstMatch(of: /\nkontor_http_connections (\d+)\n/)).1
      return try #require(Int(value))
    }

    /// Bytes.
    private func residentMemory(of kontor: KontorProcess) throws -> Int {
      let status = try String(contentsOfFile: "/proc/\(kontor.pid)/status", encoding: .utf8)
      let value = try #require(status.firstMatch(of: /VmRSS:\s+(\d+) kB/)).1
      return try #require(Int(value)) * 1024
    }

    private func allowDescriptors(_ count: Int) throws {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      guard limit.rlim_cur < rlim_t(count) else { return }
      limit.rlim_cur = rlim_t(count)
      limit.rlim_max = max(limit.rlim_max, rlim_t(count))
      let result = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      try #require(result == 0, "this test needs \(count) open files: run it as root, or raise ulimit -n")
    }
  }
}
