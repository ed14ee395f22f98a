import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

extension ServerTests {
  /// HTTP/2, which clients choose in the TLS handshake.
  @Suite struct HTTP2Tests {
    private let certificate: TestCertificate

    init() async throws { certificate = try await TestCertificate() }

    private func curl(_ server: TestServer, _ path: String, _ arguments: String...) async throws -> Tool {
      try await Tool.curl(
        ["--http2", "--cacert", certificate.files.certificate] + arguments
          + ["https://127.0.0.1:\(server.port)\(path)"])
    }

    @Test func answers() async throws {
      try await withServer(tls: certificate.files) { server in
        let result = try await curl(server, "/fixed", "-i", "-w", " %{http_version}")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("HTTP/2 200"))
        #expect(result.output.hasSuffix("hello 2"))
        #expect(result.output.contains("content-length: 5"))
        #expect(result.output.contains("x-request-id: "))
        #expect(!result.output.contains("connection:"))
        let target = try await curl(server, "/target?a=1")
        #expect(target.output == "GET /target a=1")
        let outcome = try await server.handler.firstOutcome()
        #expect(outcome.isComplete)
        #expect(outcome.bodyBytesSent == 5)
      }
    }

    @Test func answersHEADAndNoContent() async throws {
      try await withServer(
        { request in
          request.path == "/none" ? .response(HTTPResponse(status: .noContent)) : standardRoutes(request)
        }, tls: certificate.files
      ) { server in
        let head = try await curl(server, "/fixed", "-I")
        #expect(head.status == 0, "\(head.errors)")
        #expect(head.output.contains("content-length: 5"))
        let none = try await curl(server, "/none", "-w", "%{http_code}")
        #expect(none.output == "204", "\(none.errors)")
      }
    }

    @Test func sendsFilesAndParts() async throws {
      let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 40_503 >> 7) }
      let file = try TestFile(bytes)
      try await withServer(
        { request in
          .response(.representation(of: file.body(), entityTag: "\"tag\"", headers: [:], for: request))
        }, tls: certificate.files
      ) { server in
        let directory = try TemporaryDirectory()
        for (range, part) in [("0-", 0..<bytes.count), ("1000-200000", 1000..<200_001)] {
          let result = try await curl(
            server, "/", "-r", range, "-o", directory.file("copy"), "-w", "%{http_code}")
          #expect(result.output == "206", "\(result.errors)")
          #expect(
            try Data(contentsOf: URL(fileURLWithPath: directory.file("copy"))).elementsEqual(bytes[part]))
        }
        try await file.isClosedEverywhere()
      }
    }

    @Test func closesTheFileOfAClientThatWentAway() async throws {
      let file = try TestFile(sparse: 256 << 20)
      try await withServer(
        { _ in
          .response(HTTPResponse(status: .ok, body: .file(file.body())))
        }, tls: certificate.files
      ) { server in
        // Stops when it has the first bytes.
        let result = try await curl(server, "/", "--max-filesize", "1000", "-o", "/dev/null")
        #expect(result.status != 0)
        let slow = try await curl(server, "/", "--limit-rate", "1M", "--max-time", "1", "-o", "/dev/null")
        #expect(slow.status == 28)
        try await file.isClosedEverywhere()
        try await eventually("both requests ended") { server.handler.finished.count == 2 }
        #expect(server.handler.finished.allSatisfy { !$0.outcome.isComplete })
        try await eventually("the connections were let go") { server.server.openConnections == 0 }
      }
    }

    @Test func sendsStreams() async throws {
      try await withServer(
        { request in
          .response(
            HTTPResponse(
              status: .ok,
              body: .stream(length: request.path == "/short" ? 100 : nil) { writer in
                for _ in 1...10 { try await writer.write(ByteBuffer(string: "piece ")) }
              }))
        }, tls: certificate.files
      ) { server in
        let whole = try await curl(server, "/")
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(whole.output == String(repeating: "piece ", count: 10))
        #expect(try await curl(server, "/short").status != 0)
      }
    }

    @Test func takesAnUpload() async throws {
      let file = try TestFile((0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 40_503 >> 7) })
      try await withServer(tls: certificate.files) { server in
        let put = try await curl(server, "/count", "-T", file.path)
        #expect(put.output == "3000001", "\(put.errors)")
        let post = try await curl(server, "/count", "--data-binary", "@" + file.path)
        #expect(post.output == "3000001", "\(post.errors)")
        // No length is announced, and no body comes.
        let empty = try await curl(server, "/count", "-X", "POST")
        #expect(empty.output == "0", "\(empty.errors)")
      }
    }

    /// Only a stream's window comes before the handler reads.
    @Test func doesNotReadAheadOfAHandlerThatDoesNotRead() async throws {
      let gate = Gate()
      let bodies = Recorder<RequestBody>()
      let file = try TestFile(sparse: 64 << 20)
      try await withServer(
        { request in
          guard request.path == "/held" else { return standardRoutes(request) }
          bodies.add(request.body)
          return .deferred {
            await gate.wait()
            var count = 0
            while let piece = try? await request.body.next() { count += piece.readableBytes }
            return .text("\(count)")
          }
        }, tls: certificate.files
      ) { server in
        async let result = curl(server, "/held", "-T", file.path)
        let body = try await bodies.first()
        var before: Int64 = -1
        // Until nothing has come for a while.
        while before != body.received || before == 0 {
          before = body.received
          try await Task.sleep(for: .milliseconds(300))
        }
        #expect(body.received <= 2 << 20)
        gate.open()
        let output = try await result
        #expect(output.output == "\(64 << 20)", "\(output.errors)")
      }
    }

    /// The answer arrives whole, whatever becomes of the body.
    @Test(arguments: [100, 300_000, 16 << 20]) func answersEarly(length: Int64) async throws {
      let file = try TestFile(sparse: length)
      try await withServer(tls: certificate.files) { server in
        let result = try await curl(server, "/refuse", "-T", file.path, "-w", "%{http_code}")
        #expect(result.output == "no403")
        #expect(result.status == 0, "\(result.errors)")
      }
    }

    @Test func servesManyStreamsAtOnce() async throws {
      let count = 300
      try await withServer(
        { request in
          .deferred {
            await Task.yield()
            return .text(request.path + "\n")
          }
        }, tls: certificate.files
      ) { server in
        let result = try await curl(server, "/[1-\(count)]", "--parallel", "--parallel-max", "100")
        #expect(result.status == 0, "\(result.errors)")
        let lines = Set(result.output.split(separator: "\n"))
        #expect(lines == Set((1...count).map { "/\($0)" }))
        try await eventually("all requests ended") { server.handler.finished.count == count }
      }
    }

    @Test func tellsOfAClientThatWentAway() async throws {
      let errors = Recorder<RequestBodyError?>()
      let file = try TestFile(sparse: 64 << 20)
      try await withServer(
        { request in
          .deferred {
            do {
              while try await request.body.next() != nil { try await Task.sleep(for: .milliseconds(5)) }
              errors.add(nil)
            } catch {
              errors.add(error as? RequestBodyError)
            }
            return .text("late")
          }
        }, tls: certificate.files
      ) { server in
        let result = try await curl(server, "/", "-T", file.path, "--limit-rate", "1M", "--max-time", "1")
        #expect(result.status == 28)
        #expect(try await errors.first() == .disconnected)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test func letsRunningRequestsEndAtShutdown() async throws {
      let gate = Gate()
      try await withServer(
        { _ in
          .deferred {
            await gate.wait()
            return .text("late")
          }
        }, tls: certificate.files, configure: { $0.shutdownTimeout = .seconds(60) }
      ) { server in
        async let result = curl(server, "/")
        try await eventually("the handler has the request") { gate.waitingCount == 1 }
        let shutdown = Task { await server.server.shutdown() }
        try await eventually("nobody listens") { (try? await server.connect()) == nil }
        gate.open()
        let output = try await result
        #expect(output.output == "late", "\(output.errors)")
        await shutdown.value
      }
    }

    /// It has agreed on HTTP/2 and says nothing more, not even an answer to a PING.
    @Test func closesAConnectionThatFallsSilent() async throws {
      try await withServer(
        tls: certificate.files,
        configure: {
          $0.headerTimeout = .seconds(2)
          $0.idleTimeout = .milliseconds(500)
        }
      ) { server in
        let directory = try TemporaryDirectory()
        // A pipe that nobody writes to keeps openssl's input open for as long as it runs.
        let result = try await Tool.run(
          "sh",
          [
            "-c",
            "mkfifo \(directory.file("pipe")); exec 3<>\(directory.file("pipe")); "
              + "exec timeout 60 openssl s_client -quiet -alpn h2 -connect 127.0.0.1:\(server.port) <&3",
          ])
        #expect(result.status != 124, "the connection was not closed")
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }
  }
}
