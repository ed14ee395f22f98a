import Foundation
import Testing

/// The codes that an error document may have (section "Error Codes").
enum ErrorCode: String, Sendable {
  case blobUnknown = "BLOB_UNKNOWN"
  case blobUploadInvalid = "BLOB_UPLOAD_INVALID"
  case blobUploadUnknown = "BLOB_UPLOAD_UNKNOWN"
  case digestInvalid = "DIGEST_INVALID"
  case manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
  case manifestInvalid = "MANIFEST_INVALID"
  case manifestUnknown = "MANIFEST_UNKNOWN"
  case nameInvalid = "NAME_INVALID"
  case nameUnknown = "NAME_UNKNOWN"
  case sizeInvalid = "SIZE_INVALID"
  case unauthorized = "UNAUTHORIZED"
  case denied = "DENIED"
  case unsupported = "UNSUPPORTED"
  case tooManyRequests = "TOOMANYREQUESTS"
}

/// The body of an answer that says why not (section "Error Codes").
struct ErrorDocument: Decodable {
  struct Entry: Decodable {
    var code: String
    var message: String?
    /// The properties of a detail of texts; nil for one of another shape.
    var detail: [String: String]?

    private enum CodingKeys: CodingKey { case code, message, detail }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      code = try container.decode(String.self, forKey: .code)
      message = try container.decodeIfPresent(String.self, forKey: .message)
      detail = try? container.decodeIfPresent([String: String].self, forKey: .detail)
    }
  }

  var errors: [Entry]
}

/// The body of a list of tags (section "Listing Tags").
struct TagList: Decodable, Equatable {
  var name: String
  var tags: [String]
}

/// The body of a list of referrers, an image index (section "Listing Referrers").
struct ReferrersList: Decodable {
  var schemaVersion: Int
  var mediaType: String
  var manifests: [ContentDescriptor]
}

extension [ContentDescriptor] {
  /// By digest, to compare lists that have no order of their own.
  var inOrder: Self { sorted { $0.digest < $1.digest } }
}

extension PlainHTTP.Response {
  /// Expects the specification's document, with a message for people in each entry.
  func expectErrorDocument(_ code: ErrorCode?, _ request: String, _ sourceLocation: SourceLocation) {
    #expect(
      self["content-type"]?.hasPrefix("application/json") == true, "\(request)",
      sourceLocation: sourceLocation)
    guard let document = try? JSONDecoder().decode(ErrorDocument.self, from: body) else {
      Issue.record("no error document: \(request)", sourceLocation: sourceLocation)
      return
    }
    #expect(!document.errors.isEmpty, "\(request)", sourceLocation: sourceLocation)
    for entry in document.errors {
      #expect(ErrorCode(rawValue: entry.code) != nil, "\(request)", sourceLocation: sourceLocation)
      #expect(entry.message?.isEmpty == false, "\(request)", sourceLocation: sourceLocation)
      if let code {
        #expect(entry.code == code.rawValue, "\(request)", sourceLocation: sourceLocation)
      }
    }
  }

  /// The body as JSON of a known shape.
  func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: body)
  }

  /// The path that the header `Link` gives for the next page (RFC 8288); nil without one.
  func nextPage() throws -> String? {
    guard let link = self["link"] else { return nil }
    let match = try #require(link.wholeMatch(of: /<([^>]+)>\s*;\s*rel="?next"?/), "\(link)")
    return String(match.1)
  }
}

extension Curl.Response {
  /// The tags of all fields `OCI-Tag` (section "Pushing Manifests").
  var tags: [String] {
    all("OCI-Tag").flatMap { $0.split(separator: ",") }.map { $0.trimmingCharacters(in: .whitespaces) }
      .sorted()
  }
}

extension String {
  /// As the value of a query parameter: all but the unreserved characters of RFC 3986 encoded.
  var queryEncoded: String {
    let unreserved = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return addingPercentEncoding(withAllowedCharacters: unreserved) ?? self
  }
}
