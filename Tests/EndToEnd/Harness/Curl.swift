import Foundation
import Testing

/// Requests by the `curl` program, each of which trusts what its endpoint needs.
struct Curl: Sendable {
  struct Response: Sendable {
    var status: Int
    /// `1.1` or `2`.
    var version: String
    private(set) var headers: [(name: String, value: String)]
    var body: Data

    init(status: Int, version: String, headerText: String, body: Data) {
      self.status = status
      self.version = version
      self.body = body
      // A `100 Continue` or a redirect has a block of headers of its own: the last block counts.
      let blocks = headerText.replacing("\r\n", with: "\n").split(separator: "\n\n")
      headers = (blocks.last ?? "").split(separator: "\n").dropFirst().compactMap { line in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        return (line[..<colon].lowercased(), value)
      }
    }

    subscript(header: String) -> String? { headers.first { $0.name == header.lowercased() }?.value }
    func all(_ header: String) -> [String] { headers.filter { $0.name == header.lowercased() }.map(\.value) }

    /// The body as JSON of a known shape.
    func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
      try JSONDecoder().decode(type, from: body)
    }

    /// The codes of a distribution-spec error body.
    var errorCodes: [String] {
      struct Errors: Decodable {
        struct Entry: Decodable { var code: String }
        var errors: [Entry]
      }
      return (try? json(Errors.self))?.errors.map(\.code) ?? []
    }
  }

  var endpoint: Endpoint
  /// Flags for every request.
  var flags: [String] = []

  private var trust: [String] {
    endpoint.transport == .https ? ["--cacert", endpoint.authority.certificate] : []
  }

  /// Sends one request. `path` begins with `/`, or is a whole URL.
  func send(
    _ method: String, _ path: String, headers: [String: String] = [:], body: Data? = nil,
    flags more: [String] = []
  ) async throws -> Response {
    try await Scratch.withDirectory("curl") { directory in
      let output = URL(filePath: "\(directory)/body")
      let head = "\(directory)/head"
      let url = path.hasPrefix("/") ? endpoint.url(path) : path
      var arguments = ["-sS", "-g", "-D", head, "-o", output.path, "-w", "%{http_code} %{http_version}"]
      arguments += trust + flags + more + (method == "HEAD" ? ["--head"] : ["-X", method])
      for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
        arguments += ["-H", "\(name): \(value)"]
      }
      if body != nil { arguments += ["--data-binary", "@-"] }
      if body != nil, headers["Content-Type"] == nil {
        arguments += ["-H", "Content-Type: application/octet-stream"]
      }
      let run = try await Command(tool: .curl, arguments: arguments + [url], input: body).run()
      let written = run.text.split(separator: " ")
      let received = method == "HEAD" ? nil : try? Data(contentsOf: output)
      return Response(
        status: Int(written.first ?? "") ?? 0, version: String(written.last ?? ""),
        headerText: try String(contentsOfFile: head, encoding: .utf8), body: received ?? Data())
    }
  }

  /// Sends one request and requires the answer's status.
  @discardableResult
  func expect(
    _ status: Int, _ method: String, _ path: String, headers: [String: String] = [:], body: Data? = nil,
    flags: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Response {
    let response = try await send(method, path, headers: headers, body: body, flags: flags)
    let text = String(decoding: response.body.prefix(600), as: UTF8.self)
    try #require(response.status == status, "\(method) \(path): \(text)", sourceLocation: sourceLocation)
    return response
  }

  /// Starts an upload session and returns the URL to continue at.
  func startUpload(_ repository: String, query: String = "") async throws -> String {
    let started = try await expect(202, "POST", "/v2/\(repository)/blobs/uploads/\(query)")
    return try #require(started["Location"])
  }

  /// Pushes a blob by POST and PUT and returns its digest.
  @discardableResult
  func pushBlob(_ repository: String, _ content: Data) async throws -> OCILayout.Descriptor {
    let location = try await startUpload(repository)
    let digest = sha256(content)
    try await expect(201, "PUT", Curl.url(location, adding: "digest=\(digest)"), body: content)
    return OCILayout.Descriptor(content, mediaType: "application/octet-stream")
  }

  /// Pushes a manifest and returns the answer.
  @discardableResult
  func pushManifest(
    _ repository: String, _ reference: String, _ content: Data,
    mediaType: String = OCILayout.MediaType.manifest, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Response {
    try await expect(
      201, "PUT", "/v2/\(repository)/manifests/\(reference)", headers: ["Content-Type": mediaType],
      body: content,
      sourceLocation: sourceLocation)
  }

  /// A URL with one more query parameter.
  static func url(_ url: String, adding parameter: String) -> String {
    url + (url.contains("?") ? "&" : "?") + parameter
  }
}
