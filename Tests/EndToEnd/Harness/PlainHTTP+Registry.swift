import Foundation

/// The registry calls of tests that ask much at once. Each returns the answer as it is.
extension PlainHTTP {
  func get(_ path: String) async throws -> Response {
    let accepted = "\(OCILayout.MediaType.manifest), \(OCILayout.MediaType.index), */*"
    return try await send("GET", path, headers: ["Accept": accepted])
  }

  func blob(_ repository: String, _ digest: String) async throws -> Response {
    try await get("/v2/\(repository)/blobs/\(digest)")
  }

  func manifest(_ repository: String, _ reference: String) async throws -> Response {
    try await get("/v2/\(repository)/manifests/\(reference)")
  }

  /// Pushes a blob in one request (end-4b), or by POST and PUT when the registry opens a session instead.
  func pushBlob(_ repository: String, _ content: Data, digest: String? = nil) async throws -> Response {
    let digest = digest ?? sha256(content)
    let headers = ["Content-Type": "application/octet-stream"]
    let first = try await send(
      "POST", "/v2/\(repository)/blobs/uploads/?digest=\(digest)", headers: headers, body: content)
    guard first.status == 202, let location = first["location"] else { return first }
    return try await send(
      "PUT", Curl.url(path(of: location), adding: "digest=\(digest)"), headers: headers, body: content)
  }

  func pushManifest(_ repository: String, _ reference: String, _ content: Data) async throws -> Response {
    try await send(
      "PUT", "/v2/\(repository)/manifests/\(reference)",
      headers: ["Content-Type": OCILayout.MediaType.manifest],
      body: content)
  }

  func mount(_ digest: String, from source: String, to repository: String) async throws -> Response {
    try await send("POST", "/v2/\(repository)/blobs/uploads/?mount=\(digest)&from=\(source)")
  }

  func deleteManifest(_ repository: String, _ reference: String) async throws -> Response {
    try await send("DELETE", "/v2/\(repository)/manifests/\(reference)")
  }

  /// A `Location`'s path and query, whether it came as a path or as a whole URL.
  func path(of location: String) -> String {
    guard let scheme = location.range(of: "://") else { return location }
    return location[scheme.upperBound...].firstIndex(of: "/").map { String(location[$0...]) } ?? "/"
  }
}
