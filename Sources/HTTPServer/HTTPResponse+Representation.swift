import NIOHTTP1

extension HTTPResponse {
  /// A file as the answer to GET or HEAD, or the part of it that the client asked for, or 304 if the client has
  /// it: `If-None-Match`, `Range` and `If-Range` decide.
  /// - Parameters:
  ///   - entityTag: a strong one, quoted.
  ///   - headers: of the content, to which `ETag` and `Accept-Ranges` are added.
  public static func representation(
    of file: FileBody, entityTag: String, headers: HTTPHeaders, for request: HTTPRequest
  ) -> HTTPResponse {
    var headers = headers
    headers.add(name: "ETag", value: entityTag)
    if ConditionalRequest.isNotModified(request.headers, entityTag: entityTag) {
      return HTTPResponse(status: .notModified, headers: headers)
    }
    headers.add(name: "Accept-Ranges", value: "bytes")
    // HEAD has no ranges (RFC 9110, section 14.2).
    let range =
      request.method == .GET && ConditionalRequest.rangeHolds(request.headers, entityTag: entityTag)
      ? ByteRange(request.headers.first(name: "range"), length: file.length) : .whole
    switch range {
    case .whole:
      return HTTPResponse(status: .ok, headers: headers, body: .file(file))
    case .part(let part):
      headers.add(
        name: "Content-Range", value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.length)")
      return HTTPResponse(status: .partialContent, headers: headers, body: .file(file.part(part)))
    case .unsatisfiable:
      headers.remove(name: "Content-Type")
      headers.add(name: "Content-Range", value: "bytes */\(file.length)")
      return HTTPResponse(status: .rangeNotSatisfiable, headers: headers)
    }
  }
}
