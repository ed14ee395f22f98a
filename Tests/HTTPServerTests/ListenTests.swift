import Foundation
import HTTPServer
import Logging
import NIOCore
import Testing

extension ServerTests {
  /// Where a server listens, and why it may not.
  @Suite struct ListenTests {
    private let get = "GET /target HTTP/1.1\r\nHost: a\r\n\r\n"

    private func start(_ addresses: ListenAddress..., tls: TLSFiles? = nil) async throws -> HTTPServer {
      try await HTTPServer.start(
        configuration: HTTPServerConfiguration(addresses: addresses, tls: tls, threads: 1),
        handler: TestHandler { .response(.text($0.remoteAddress)) }, logger: quietLogger)
    }

    private func remoteAddress(from address: ListenAddress) async throws -> String {
      let client = try await Client(to: address)
      try await client.send(get)
      return try await client.response().text
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func listensOnTCP(host: String) async throws {
      let server = try await start(.tcp(host: host, port: 0))
      #expect(server.boundAddresses.count == 1)
      #expect(server.boundAddresses[0] != .tcp(host: host, port: 0))
      #expect(try await remoteAddress(from: server.boundAddresses[0]) == host)
      await server.shutdown()
    }

    @Test func listensOnAllAddresses() async throws {
      let server = try await start(try #require(ListenAddress(parsing: ":0")))
      guard case .tcp(_, let port) = server.boundAddresses[0] else { throw NeverHappened(description: "TCP") }
      #expect(try await remoteAddress(from: .tcp(host: "127.0.0.1", port: port)).hasSuffix("127.0.0.1"))
      #expect(try await remoteAddress(from: .tcp(host: "::1", port: port)) == "::1")
      await server.shutdown()
    }

    @Test func listensOnAUnixSocket() async throws {
      let directory = try TemporaryDirectory()
      let path = directory.file("socket")
      let server = try await start(.unix(path: path))
      #expect(server.boundAddresses == [.unix(path: path)])
      #expect(try await remoteAddress(from: .unix(path: path)) == "unix")
      await server.shutdown()
      #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func listensOnMoreThanOne() async throws {
      let directory = try TemporaryDirectory()
      let server = try await start(
        .tcp(host: "127.0.0.1", port: 0), .unix(path: directory.file("socket")), .tcp(host: "::1", port: 0))
      var answers: [String] = []
      for address in server.boundAddresses { answers.append(try await remoteAddress(from: address)) }
      #expect(answers == ["127.0.0.1", "unix", "::1"])
      await server.shutdown()
    }

    @Test func replacesASocketThatNobodyListensOn() async throws {
      let directory = try TemporaryDirectory()
      let path = directory.file("socket")
      // Bound and closed, as a process leaves it that was killed.
      let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      let result = try SocketAddress(unixDomainSocketPath: path).withSockAddr {
        bind(descriptor, $0, socklen_t($1))
      }
      close(descriptor)
      #expect(result == 0)
      #expect(FileManager.default.fileExists(atPath: path))
      let server = try await start(.unix(path: path))
      #expect(try await remoteAddress(from: .unix(path: path)) == "unix")
      await server.shutdown()
    }

    @Test func leavesASocketToItsServer() async throws {
      let directory = try TemporaryDirectory()
      let address = ListenAddress.unix(path: directory.file("socket"))
      let first = try await start(address)
      let error = await #expect(throws: HTTPServerError.self) { _ = try await start(address) }
      #expect(error?.description == "cannot listen on \(address): another process listens there already")
      #expect(try await remoteAddress(from: address) == "unix")
      await first.shutdown()
    }

    @Test func leavesAFileThatIsNoSocket() async throws {
      let file = try TestFile("content")
      await #expect(throws: HTTPServerError.self) { _ = try await start(.unix(path: file.path)) }
      #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "content")
    }

    @Test func saysThatAnAddressIsInUse() async throws {
      let first = try await start(.tcp(host: "127.0.0.1", port: 0))
      let address = first.boundAddresses[0]
      let error = await #expect(throws: HTTPServerError.self) { _ = try await start(address) }
      #expect(error?.description == "cannot listen on \(address): another process listens there already")
      await first.shutdown()
      // And when it is free again.
      let second = try await start(address)
      await second.shutdown()
    }

    @Test func listensNowhereIfOneAddressIsInUse() async throws {
      let first = try await start(.tcp(host: "127.0.0.1", port: 0))
      let directory = try TemporaryDirectory()
      let other = ListenAddress.unix(path: directory.file("socket"))
      await #expect(throws: HTTPServerError.self) { _ = try await start(other, first.boundAddresses[0]) }
      await #expect(throws: ClientError.self) { _ = try await Client(to: other) }
      await first.shutdown()
    }

    @Test func saysThatAnAddressIsNotOfThisMachine() async throws {
      let address = ListenAddress.tcp(host: "192.0.2.1", port: 0)
      let error = await #expect(throws: HTTPServerError.self) { _ = try await start(address) }
      #expect(error?.description == "cannot listen on 192.0.2.1:0: this machine has no such address")
    }

    @Test func saysThatADirectoryIsMissing() async throws {
      let directory = try TemporaryDirectory()
      let address = ListenAddress.unix(path: directory.file("none/socket"))
      let error = await #expect(throws: HTTPServerError.self) { _ = try await start(address) }
      #expect(error?.description == "cannot listen on \(address): No such file or directory")
    }
  }
}
