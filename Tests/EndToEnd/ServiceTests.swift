import Foundation
import Testing

extension EndToEndTests {
  /// The server as its operator meets it: addresses, start and stop, certificates, logs, health and metrics.
  @Suite("service", .serialized)
  struct ServiceTests {
    @Test("IPv4, IPv6 and Unix sockets at once")
    func addresses() async throws {
      try Tool.require(.curl)
      try await Scratch.withDirectory("listen") { directory in
        let socket = "\(directory)/kontor.sock"
        let daemon = try await Daemon.start(
          try KontorProcess.binary(),
          [
            "serve", "--data", "\(directory)/data", "--listen", "127.0.0.1:0", "--listen", "[::1]:0",
            "--listen",
            "unix:\(socket)",
          ], logIn: directory)
        try await running {
          let log = try await daemon.waitFor("listening") {
            $0.log.contains("unix:\(socket)\n") ? $0.log : nil
          }
          let urls = log.matches(of: /listening on (http:\/\/\S+)/).map { String($0.1) }
          #expect(urls.count == 2)
          #expect(urls.last?.hasPrefix("http://[::1]:") == true)
          for url in urls { #expect(try await Tool.curl.run("-sS", "-g", "\(url)/v2/").text == "{}") }
          #expect(try await Tool.curl.run("-sS", "--unix-socket", socket, "http://kontor/v2/").text == "{}")
          #expect(await daemon.stop() == .code(0))
          #expect(!FileManager.default.fileExists(atPath: socket))
        } finally: {
          await daemon.kill()
        }
      }
    }

    @Test("systemd is told when the server is ready and when it stops")
    func notification() async throws {
      try await Scratch.withDirectory("notify") { directory in
        let socket = try NotifySocket(path: "\(directory)/notify")
        try await KontorProcess.with(.init(environment: ["NOTIFY_SOCKET": socket.path])) { kontor in
          #expect(socket.receive() == "READY=1")
          try await kontor.stop()
          #expect(socket.receive() == "STOPPING=1")
        }
      }
    }

    @Test("a renewed certificate is used after SIGHUP, and a broken one is not")
    func certificateReload() async throws {
      try Tool.require(.curl, .openssl)
      let authority = try await PrivateCA.shared
      try await Scratch.withDirectory("certificates") { directory in
        let (certificate, key) = ("\(directory)/server.crt", "\(directory)/server.key")
        func install(_ from: (String, String)) throws {
          for (source, target) in [(from.0, certificate), (from.1, key)] {
            try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target), options: .atomic)
          }
        }
        try await Tool.openssl.run(
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
          "-subj",
          "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(directory)/old.key",
          "-out",
          "\(directory)/old.crt")
        try install(("\(directory)/old.crt", "\(directory)/old.key"))
        let daemon = try await Daemon.start(
          try KontorProcess.binary(),
          [
            "serve", "--data", "\(directory)/data", "--listen", "127.0.0.1:0", "--tls-cert", certificate,
            "--tls-key",
            key,
          ], logIn: directory)
        try await running {
          let url = try await daemon.waitFor("listening") { daemon in
            daemon.log.firstMatch(of: /listening on (https:\/\/\S+)/).map { String($0.1) }
          }
          func accepted(trusting trust: String) async throws -> Bool {
            try await Command(tool: .curl, arguments: ["-sS", "--cacert", trust, "\(url)/v2/"]).attempt()
              .succeeded
          }
          #expect(try await accepted(trusting: "\(directory)/old.crt"))
          try install((authority.serverCertificate, authority.serverKey))
          daemon.process.send(SIGHUP)
          try await daemon.waitFor("the new certificate") { _ in
            try await accepted(trusting: authority.certificate) ? true : nil
          }
          #expect(try await !accepted(trusting: "\(directory)/old.crt"))
          try Data("broken".utf8).write(to: URL(filePath: certificate))
          daemon.process.send(SIGHUP)
          try await daemon.waitFor("its complaint") { $0.log.contains("the old one stays") ? true : nil }
          #expect(try await accepted(trusting: authority.certificate))
          #expect(await daemon.stop() == .code(0))
        } finally: {
          await daemon.kill()
        }
      }
    }

    @Test("health, readiness and metrics")
    func observation() async throws {
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        #expect(try await http.get("/healthz").status == 200)
        #expect(try await http.get("/readyz").status == 200)
        let content = Data("goods".utf8)
        #expect(try await http.pushBlob("trade/goods", content).status == 201)
        _ = try await http.send("POST", "/v2/trade/goods/blobs/uploads/")
        #expect(try await http.blob("trade/goods", sha256(content)).status == 200)
        #expect(try await http.get("/v2/trade/goods/manifests/none").status == 404)
        let metrics = try await http.get("/metrics")
        #expect(metrics["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        let text = String(decoding: metrics.body, as: UTF8.self)
        for sample in [
          #"kontor_http_requests_total{kind="blob",method="GET",status="2xx"} 1"#,
          #"kontor_http_requests_total{kind="manifest",method="GET",status="4xx"} 1"#,
          #"kontor_http_requests_total{kind="upload",method="POST",status="2xx"} 2"#,
          #"kontor_http_request_duration_seconds_count{kind="blob"} 1"#,
          "kontor_http_request_body_bytes_total 5", "kontor_upload_sessions 1", "kontor_storage_blobs 1",
          "kontor_storage_blob_bytes 5", "kontor_storage_repositories 1", "kontor_collection_runs_total 0",
        ] {
          #expect(text.contains("\n\(sample)\n"), "\(sample)")
        }
        // Every sample belongs to a family that is explained.
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
          let name = line.prefix { $0 != "{" && $0 != " " }.replacing(/_(bucket|sum|count)$/, with: "")
          #expect(text.contains("# TYPE \(name) "), "\(line)")
        }
      }
    }

    @Test("a request's id is in its response, the access log and the error log", arguments: ["text", "json"])
    func logs(format: String) async throws {
      try await KontorProcess.with(.init(environment: ["KONTOR_LOG_FORMAT": format])) { kontor in
        let http = PlainHTTP(kontor.endpoint)
        let named = try await http.send("GET", "/v2/", headers: ["X-Request-Id": "trace-4711"])
        #expect(named["x-request-id"] == "trace-4711")
        let own = try await http.send("GET", "/v2/", headers: ["X-Request-Id": "two words"])
        let id = try #require(own["x-request-id"])
        #expect(id != "two words")
        let malformed = try await http.send("GET", "/v2/", headers: ["X-Bad": "escape \u{1b}[31m"])
        #expect(malformed.status == 400)
        let malformedID = try #require(malformed["x-request-id"])
        try await kontor.stop()
        let lines = kontor.log.split(separator: "\n")
        #expect(lines.contains { $0.contains(malformedID) && $0.contains("refused") })
        for id in ["trace-4711", id] {
          let line = try #require(lines.first { $0.contains(id) }, "\(id)")
          if format == "json" {
            let entry = try JSONDecoder().decode(AccessEntry.self, from: Data(line.utf8))
            #expect(
              entry == AccessEntry(type: "access", method: "GET", target: "/v2/", status: 200, request: id))
          } else {
            #expect(line.contains(" 127.0.0.1 GET /v2/ 200 "))
          }
        }
        if format == "json" {
          for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
      }
    }

    private struct AccessEntry: Decodable, Equatable {
      var type: String
      var method: String
      var target: String
      var status: Int
      var request: String
    }
  }

  /// The end of a datagram socket that systemd would hold.
  private struct NotifySocket: ~Copyable {
    let path: String
    private let descriptor: Int32

    init(path: String) throws {
      self.path = path
      descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(result == 0, "cannot bind \(path)")
      var limit = timeval(tv_sec: 60, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// The next message.
    func receive() -> String {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    deinit { close(descriptor) }
  }
}
