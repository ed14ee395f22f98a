import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import RegistryClient
import Storage

/// An answer that says why not: a status and the distribution-spec's error document (section "Error Codes").
struct WireError: Error {
  /// The codes of the specification.
  enum Code: String {
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
    /// Not of the specification: the registry's own failure, which Docker's registry reports so too.
    case unknown = "UNKNOWN"
  }

  struct Entry {
    var code: Code
    var message: String
    var detail: [(key: String, value: String)]
  }

  var status: HTTPResponseStatus
  var entries: [Entry]
  var headers: HTTPHeaders

  init(
    _ status: HTTPResponseStatus, _ code: Code, _ message: String,
    detail: [(key: String, value: String)] = [], headers: HTTPHeaders = [:]
  ) {
    self.status = status
    self.entries = [Entry(code: code, message: message, detail: detail)]
    self.headers = headers
  }

  /// - Parameter methods: those that are allowed, as the header `Allow` lists them (RFC 9110, section 10.2.1).
  static func notAllowed(_ method: HTTPMethod, but methods: String) -> WireError {
    WireError(
      .methodNotAllowed, .unsupported, "\(method) is not allowed here", headers: ["Allow": methods])
  }

  static func tooMany(_ what: String, retryAfter seconds: some BinaryInteger) -> WireError {
    WireError(
      .tooManyRequests, .tooManyRequests, "\(what): try again in \(seconds) s",
      headers: ["Retry-After": "\(seconds)"])
  }

  /// The one place where what went wrong inside becomes an answer.
  init(_ error: any Error) {
    switch error {
    case let error as WireError: self = error
    case let error as RegistryError: self.init(error)
    case let error as ACIRefusal: self.init(error)
    case let error as StorageError: self.init(error)
    case let error as StorageLimitExceeded: self.init(RegistryError(error))
    case let error as UpstreamFailure: self.init(error)
    case let error as LoginUnavailable:
      self.init(.serviceUnavailable, .unknown, "\(error.reason): try again", headers: ["Retry-After": "30"])
    case RequestBodyError.timedOut:
      self.init(.requestTimeout, .blobUploadInvalid, "the body stopped: no byte came for too long; try again")
    case RequestBodyError.tooLarge:
      self.init(.payloadTooLarge, .sizeInvalid, "the request's body is too large")
    case RequestBodyError.disconnected:
      self.init(.badRequest, .blobUploadInvalid, "the body broke off before its announced end")
    default:
      self.init(
        .internalServerError, .unknown, "the registry failed; its log has more under this request's id")
    }
  }

  private init(_ error: RegistryError) {
    let message = error.description
    switch error {
    case .repositoryUnknown(let name):
      self.init(.notFound, .nameUnknown, message, detail: [("name", name.description)])
    case .blobUnknown(let digest, _):
      self.init(.notFound, .blobUnknown, message, detail: [("digest", digest.description)])
    case .manifestUnknown(let reference, let name):
      self.init(
        .notFound, .manifestUnknown, message,
        detail: [("name", name.description), ("reference", reference.description)])
    case .uploadUnknown(let id): self.init(.notFound, .blobUploadUnknown, message, detail: [("upload", id)])
    case .chunkOutOfOrder(let upload):
      self.init(.rangeNotSatisfiable, .blobUploadInvalid, message, headers: upload.headers)
    case .sizeMismatch: self.init(.badRequest, .sizeInvalid, message)
    case .digestMismatch(let expected, let actual):
      self.init(
        .badRequest, .digestInvalid, message,
        detail: [("expected", expected.description), ("actual", actual.description)])
    case .manifestInvalid: self.init(.badRequest, .manifestInvalid, message)
    case .manifestTooLarge: self.init(.payloadTooLarge, .manifestInvalid, message)
    case .tagImmutable(let tag, let digest):
      self.init(
        .forbidden, .denied, message, detail: [("tag", tag.description), ("digest", digest.description)])
    case .quotaExceeded(let limit, _):
      self.init(
        .payloadTooLarge, .denied, message, detail: [("prefix", limit.prefix), ("quota", limit.amount)])
    case .tooLargeForSignature: self.init(.payloadTooLarge, .denied, message)
    case .noSignature, .denied: self.init(.forbidden, .denied, message)
    case .filledFromElsewhere:
      self.init(.methodNotAllowed, .unsupported, message, headers: ["Allow": "GET, HEAD"])
    case .tooManyTags(let name, _):
      self.init(.notFound, .unsupported, message, detail: [("name", name.description)])
    case .signatureRefused: self.init(.conflict, .denied, message)
    case .referencesMissing(let digests):
      self.init(.badRequest, .manifestBlobUnknown, "")
      entries = digests.map { digest in
        Entry(code: .manifestBlobUnknown, message: message, detail: [("digest", digest.description)])
      }
    }
  }

  private init(_ error: ACIRefusal) {
    switch error {
    case .notFound(let reason): self.init(.notFound, .nameUnknown, reason)
    case .notConvertible(let reason): self.init(.notFound, .unsupported, reason)
    case .invalid(let reason): self.init(.badRequest, .manifestInvalid, reason)
    case .notTrusted(let reason): self.init(.forbidden, .denied, reason)
    }
  }

  private init(_ error: StorageError) {
    switch error {
    case .full:
      self.init(.insufficientStorage, .unknown, "the registry has no space left: nothing was stored")
    case .readOnly:
      self.init(.serviceUnavailable, .unknown, "the registry's storage is read-only: nothing was stored")
    case .failed, .inUse, .newerSchema:
      self.init(
        .internalServerError, .unknown,
        "the registry's storage failed: nothing was stored; its log has more under this request's id")
    }
  }

  var response: HTTPResponse {
    var json = JSONText()
    json.object { json in
      json.key("errors")
      json.array(entries) { json, entry in
        json.object { json in
          json.member("code", entry.code.rawValue)
          json.member("message", entry.message)
          if !entry.detail.isEmpty {
            json.key("detail")
            json.object { json in
              for (key, value) in entry.detail { json.member(key, value) }
            }
          }
        }
      }
    }
    var headers = headers
    headers.add(name: "Content-Type", value: "application/json")
    return HTTPResponse(status: status, headers: headers, body: .bytes(json.buffer))
  }
}
