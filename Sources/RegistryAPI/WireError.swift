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
    switch error {
    case .repositoryUnknown(let name):
      self.init(
        .notFound, .nameUnknown, "repository \(name) is not known to this registry",
        detail: [("name", name.description)])
    case .blobUnknown(let digest, let name):
      self.init(
        .notFound, .blobUnknown, "repository \(name) has no such blob",
        detail: [("digest", digest.description)])
    case .manifestUnknown(let reference, let name):
      self.init(
        .notFound, .manifestUnknown, "repository \(name) has no manifest \(reference)",
        detail: [("name", name.description), ("reference", reference.description)])
    case .uploadUnknown(let id):
      self.init(
        .notFound, .blobUploadUnknown,
        "there is no such upload session in this repository: it ended or expired; start a new one",
        detail: [("upload", id)])
    case .chunkOutOfOrder(let upload):
      self.init(
        .rangeNotSatisfiable, .blobUploadInvalid,
        "the chunk is out of order: the next one has to start at byte \(upload.size)",
        headers: upload.headers)
    case .sizeMismatch(let expected, let received):
      self.init(
        .badRequest, .sizeInvalid, "\(received) bytes came where \(expected) were announced")
    case .digestMismatch(let expected, let actual):
      self.init(
        .badRequest, .digestInvalid, "the content has the digest \(actual), not the one given",
        detail: [("expected", expected.description), ("actual", actual.description)])
    case .manifestInvalid(let reason):
      self.init(.badRequest, .manifestInvalid, reason)
    case .manifestTooLarge(let limit):
      self.init(
        .payloadTooLarge, .manifestInvalid, "the manifest is too large: at most \(limit) bytes are accepted")
    case .tagImmutable(let tag, let digest):
      self.init(
        .forbidden, .denied, "the tag \(tag) is immutable, and means \(digest): use another tag",
        detail: [("tag", tag.description), ("digest", digest.description)])
    case .quotaExceeded(let limit, let used):
      let what = limit.prefix.isEmpty ? "this registry" : "what is below \(limit.prefix)"
      let (most, unit) =
        switch limit.kind {
        case .bytes: ("\(ByteSize(limit.most))", "")
        case .tags: ("\(limit.most)", " tags")
        }
      // Not to the byte: it may also be of repositories that the client does not see.
      let percent = limit.most > 0 ? Int(Double(used) / Double(limit.most) * 100) : 100
      self.init(
        .payloadTooLarge, .denied,
        "it does not fit: \(what) holds \(percent) % of \(most)\(unit); delete images there, or ask for a larger quota",
        detail: [("prefix", limit.prefix), ("quota", most + unit)])
    case .tooLargeForSignature(let limit):
      self.init(
        .payloadTooLarge, .denied,
        "you may only sign here, and no blob of a signature has more than \(limit) bytes")
    case .noSignature:
      self.init(
        .forbidden, .denied,
        "you may only sign here: this manifest is no signature of an image, or its tag is not that of one")
    case .filledFromElsewhere(let name):
      self.init(
        .methodNotAllowed, .unsupported,
        "\(name) is filled from another registry: push to a repository of another name",
        headers: ["Allow": "GET, HEAD"])
    case .tooManyTags(let name, let limit):
      self.init(
        .notFound, .unsupported,
        "repository \(name) has more than \(limit) tags: there is no signed list of them",
        detail: [("name", name.description)])
    case .denied(let reason): self.init(.forbidden, .denied, reason)
    case .signatureRefused(let reason): self.init(.conflict, .denied, reason)
    case .referencesMissing(let digests):
      self.init(.badRequest, .manifestBlobUnknown, "")
      entries = digests.map { digest in
        Entry(
          code: .manifestBlobUnknown,
          message: "the manifest refers to content that this repository does not have: push it first",
          detail: [("digest", digest.description)])
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
