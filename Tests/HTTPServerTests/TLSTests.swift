import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

extension ServerTests {
  /// TLS and the certificate, with HTTP/1.1 in it.
  @Suite struct TLSTests {
    private let certificate: TestCertificate

    init() async throws { certificate = try await TestCertificate() }

    /// What curl says of a server that has to have this certificate.
    private func get(
      _ server: TestServer, trusting certificate: TestCertificate? = nil, _ arguments: String...
    ) async throws -> Tool {
      let trusted = (certificate ?? self.certificate).files.certificate
      return try await Tool.curl(
        ["--cacert", trusted, "-w", " %{http_version} %{http_code}"] + arguments
          + ["https://127.0.0.1:\(server.port)/fixed"])
    }

    @Test func answersHTTP11() async throws {
      try await withServer(tls: certificate.files) { server in
        let result = try await get(server, "--http1.1")
        #expect(result.output == "hello 1.1 200", "\(result.errors)")
      }
    }

    @Test func takesTLS12AndNothingOlder() async throws {
      try await withServer(tls: certificate.files) { server in
        let result = try await get(server, "--http1.1", "--tlsv1.2", "--tls-max", "1.2")
        #expect(result.output == "hello 1.1 200", "\(result.errors)")
        let old = try await get(server, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
        #expect(old.status != 0)
      }
    }

    @Test func marksRequestsAsSecure() async throws {
      try await withServer({ .response(.text("\($0.isSecure) \($0.remoteAddress)")) }, tls: certificate.files)
      {
        let result = try await get($0, "--http1.1")
        #expect(result.output == "true 127.0.0.1 1.1 200", "\(result.errors)")
      }
    }

    @Test func sendsAFileAndTakesAnUpload() async throws {
      let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 40_503 >> 7) }
      let file = try TestFile(bytes)
      try await withServer(
        { request in
          request.method == .PUT
            ? standardRoutes(request) : .response(HTTPResponse(status: .ok, body: .file(file.body())))
        }, tls: certificate.files
      ) { server in
        let url = "https://127.0.0.1:\(server.port)/count"
        let directory = try TemporaryDirectory()
        let trust = ["--http1.1", "--cacert", certificate.files.certificate]
        let download = try await Tool.curl(trust + ["-o", directory.file("copy"), url])
        #expect(download.status == 0, "\(download.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file("copy"))).elementsEqual(bytes))
        let upload = try await Tool.curl(trust + ["-T", file.path, url])
        #expect(upload.output == "3000001", "\(upload.errors)")
        try await file.isClosedEverywhere()
      }
    }

    @Test func reachesAClientThatSendsFirst() async throws {
      let file = try TestFile(sparse: 16 << 20)
      try await withServer(tls: certificate.files) { server in
        let result = try await Tool.curl([
          "--http1.1", "--cacert", certificate.files.certificate, "-T", file.path, "-H", "Expect:",
          "-w", "%{http_code}", "https://127.0.0.1:\(server.port)/refuse",
        ])
        #expect(result.output == "no403", "\(result.errors)")
      }
    }

    @Test func closesOnPlainHTTP() async throws {
      try await withServer(tls: certificate.files) { server in
        let client = try await server.connect()
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        // A TLS alert at most.
        #expect(try await client.rest().count < 100)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
        #expect(server.handler.finished.isEmpty)
        #expect(try await get(server).status == 0)
      }
    }

    @Test(arguments: [[], [0x16, 0x03, 0x01]] as [[UInt8]])
    func closesWhenTheHandshakeDoesNotCome(start: [UInt8]) async throws {
      try await withServer(tls: certificate.files, configure: { $0.headerTimeout = .milliseconds(300) }) {
        server in
        let client = try await server.connect()
        try await client.send(start)
        #expect(try await client.rest().count < 100)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test func closesAHandshakeAtShutdown() async throws {
      try await withServer(tls: certificate.files, configure: { $0.shutdownTimeout = .seconds(60) }) {
        server in
        let client = try await server.connect()
        try await eventually("the connection was accepted") { server.server.openConnections == 1 }
        await server.server.shutdown()
        #expect(try await client.rest().isEmpty)
      }
    }

    // MARK: The certificate

    @Test func takesANewCertificateWhenTold() async throws {
      let renewed = try await TestCertificate()
      try await withServer(tls: certificate.files) { server in
        #expect(try await get(server).status == 0)
        #expect(try await get(server, trusting: renewed).status == 60)
        let old = try TestCertificate.copy(of: certificate)
        try renewed.replace(certificate)
        server.server.reloadTLS()
        #expect(try await get(server, trusting: renewed).status == 0)
        #expect(try await get(server, trusting: old).status == 60)
      }
    }

    @Test func takesANewCertificateByItself() async throws {
      let renewed = try await TestCertificate()
      try await withServer(tls: certificate.files) { server in
        #expect(try await get(server, trusting: renewed).status == 60)
        try renewed.replace(certificate)
        try await eventually("the new certificate is in use") {
          try await Task.sleep(for: .milliseconds(500))
          return try await get(server, trusting: renewed).status == 0
        }
      }
    }

    @Test func noticesEveryChangeOfTheFiles() async throws {
      let tls = try ServerTLS(certificate.files, logger: quietLogger)
      let first = tls.context
      tls.reloadIfChanged()
      #expect(tls.context === first)
      try await TestCertificate().replace(certificate)
      tls.reloadIfChanged()
      #expect(tls.context !== first)
    }

    @Test(arguments: ["", "nonsense", nil] as [String?])
    func keepsTheOldCertificateIfTheNewOneIsBad(text: String?) async throws {
      let old = try TestCertificate.copy(of: certificate)
      try await withServer(tls: certificate.files) { server in
        if let text {
          try Data(text.utf8).write(to: URL(fileURLWithPath: certificate.files.certificate))
        } else {
          try FileManager.default.removeItem(atPath: certificate.files.certificate)
        }
        server.server.reloadTLS()
        #expect(try await get(server, trusting: old).status == 0)
        // And takes the next one that is good.
        let renewed = try await TestCertificate()
        try renewed.replace(certificate)
        server.server.reloadTLS()
        #expect(try await get(server, trusting: renewed).status == 0)
      }
    }

    @Test func keepsTheOldCertificateIfTheKeyIsOfAnother() async throws {
      let other = try await TestCertificate()
      try await withServer(tls: certificate.files) { server in
        try FileManager.default.removeItem(atPath: certificate.files.key)
        try FileManager.default.copyItem(atPath: other.files.key, toPath: certificate.files.key)
        server.server.reloadTLS()
        #expect(try await get(server).status == 0)
      }
    }

    @Test func doesNotStartWithABadCertificate() async throws {
      let files = TLSFiles(certificate: certificate.files.key, key: certificate.files.key)
      let missing = TLSFiles(certificate: certificate.directory.file("none"), key: certificate.files.key)
      for files in [files, missing] {
        let error = await #expect(throws: HTTPServerError.self) {
          try await withServer(tls: files) { _ in }
        }
        #expect(error?.description.contains(files.certificate) == true)
      }
    }
  }
}
