import HTTPServer
import NIOCore
import Testing

#if canImport(Glibc)
  import Glibc
#endif

extension ServerTests {
  /// How many connections there may be, and what they cost.
  @Suite struct ConnectionLimitTests {
    private let get = "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n"

    /// However slow the machine is, no connection may be over before it is closed by one side.
    private static func patience(_ configuration: inout HTTPServerConfiguration) {
      configuration.headerTimeout = .minutes(10)
      configuration.idleTimeout = .minutes(10)
    }

    @Test func closesConnectionsBeyondTheLimit() async throws {
      let configure = { (configuration: inout HTTPServerConfiguration) in
        Self.patience(&configuration)
        configuration.maximumConnections = 3
      }
      try await withServer(configure: configure) { server in
        for _ in 1...3 {
          var clients: [Client] = []
          for _ in 1...3 {
            let client = try await server.connect()
            try await client.send(get)
            #expect(try await client.response().text == "hello")
            clients.append(client)
          }
          for _ in 1...5 {
            let refused = try await server.connect()
            #expect(try await refused.rest().isEmpty)
          }
          // Those that were there first have not noticed.
          for client in clients {
            try await client.send(get)
            #expect(try await client.response().text == "hello")
          }
          for client in clients { client.close() }
          try await eventually("all are gone") { server.server.openConnections == 0 }
        }
      }
    }

    @Test func closesConnectionsOfOneClientBeyondItsLimit() async throws {
      let configure = { (configuration: inout HTTPServerConfiguration) in
        Self.patience(&configuration)
        configuration.maximumConnectionsPerAddress = 2
      }
      try await withServer(configure: configure) { server in
        for _ in 1...3 {
          var clients: [Client] = []
          for _ in 1...2 {
            let client = try await server.connect()
            try await client.send(get)
            #expect(try await client.response().text == "hello")
            clients.append(client)
          }
          for _ in 1...3 {
            let refused = try await server.connect()
            #expect(try await refused.rest().isEmpty)
          }
          for client in clients { client.close() }
          try await eventually("all are gone") { server.server.openConnections == 0 }
        }
      }
    }

    @Test func countsNoConnectionTwice() async throws {
      try await withServer { server in
        for round in 0..<100 {
          let client = try await server.connect()
          if round % 2 == 0 { try await client.send(get) }
          if round % 4 == 0 { _ = try await client.response() }
          if round % 3 == 0 { client.abort() } else { client.close() }
        }
        try await eventually("all are gone") { server.server.openConnections == 0 }
        #expect(try await server.answer(to: get).text == "hello")
      }
    }

    /// Clients and server are one process here, so every connection takes two descriptors of it.
    @Test func keepsThousandsOfIdleConnections() async throws {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      limit.rlim_cur = limit.rlim_max
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      // The rest is for other tests, which may run now.
      let count = min(10_000, (Int(clamping: limit.rlim_max) - 6000) / 2)
      try #require(count >= 4000, "the limit of open files is too low for this test")

      try await withServer(configure: Self.patience) { server in
        // What a server needs only once is there before the memory is looked at.
        #expect(try await server.answer(to: get).text == "hello")
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
        let before = try residentBytes()

        var clients: [Client] = []
        for number in 0..<count {
          let client = try await server.connect()
          clients.append(client)
          // Some have been served already: what that took should not stay.
          if number % 4 == 0 {
            try await client.send(get)
            #expect(try await client.response().text == "hello")
          }
        }
        try await eventually("all are accepted") { server.server.openConnections == count }
        let perConnection = (try residentBytes() - before) / count
        print("\(count) idle connections: \(perConnection) bytes each, the client's part included")
        #expect(perConnection < 32 << 10)

        #expect(try await server.answer(to: get).text == "hello")
        try await clients[count / 2].send(get)
        #expect(try await clients[count / 2].response().text == "hello")

        for client in clients { client.close() }
        try await eventually("all are gone") { server.server.openConnections == 0 }
      }
    }
  }
}
