import AppContainer
import ContainerImage
import FoundationEssentials
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import Storage

extension AppContainerHandler {
  func putImage(_ query: ACIQuery, _ request: HTTPRequest) async throws -> HTTPResponse {
    let repository = try service.repository(for: query.name)
    let upload = try await registry.receiveUpload(request.body.content, in: repository)
    let pushed = try await service.accept(upload, signature: pending.take(query), as: query)
    return created(pushed, at: request.path)
  }

  func putSignature(_ query: ACIQuery, _ request: HTTPRequest) async throws -> HTTPResponse {
    let signature = try await small(request)
    let attachment = try await service.attach(signature, to: query)
    // Where nobody could verify it, it may also be that of an image which is to follow.
    if attachment != .attached { pending.put(signature, for: query) }
    guard attachment == .waiting else {
      return HTTPResponse(status: .created, headers: ["Location": request.path])
    }
    return HTTPResponse(status: .accepted)
  }

  private func small(_ request: HTTPRequest) async throws -> [UInt8] {
    let body = try await request.body.collect(upTo: ACIAcceptance.largestSignature)
    return Array(body.readableBytesView)
  }

  private func created(_ pushed: AppContainerService.PushedACI, at path: String) -> HTTPResponse {
    var json = JSONText()
    json.object { json in
      json.member("imageID", pushed.imageID.description)
      json.member("repository", pushed.repository.description)
      json.member("tag", pushed.tag.description)
      if let image = pushed.image { json.member("digest", image.description) }
      if let reason = pushed.reason { json.member("note", "there is no image for /v2/: \(reason)") }
    }
    return HTTPResponse(
      status: .created, headers: ["Location": path, "Content-Type": "application/json"],
      body: .bytes(json.buffer))
  }

  /// acpush: where the parts go.
  func startPush(_ query: ACIQuery, _ request: HTTPRequest) throws -> HTTPResponse {
    let repository = try service.repository(for: query.name)
    let id = pushes.start(ACIPushSessions.Session(query: query, repository: repository))
    let base = "\(try place(request).origin)/aci/push/\(id)/"
    var json = JSONText()
    json.object { json in
      json.member("aci_push_version", "0.0.1")
      json.key("multipart")
      json.boolean(false)
      json.member("upload_manifest_url", base + ACIPushSessions.Part.manifest.rawValue)
      json.member("upload_signature_url", base + ACIPushSessions.Part.signature.rawValue)
      json.member("upload_aci_url", base + ACIPushSessions.Part.image.rawValue)
      json.member("completed_url", base + ACIPushSessions.Part.completed.rawValue)
    }
    return HTTPResponse(
      status: .ok, headers: ["Content-Type": "application/json"], body: .bytes(json.buffer))
  }

  func receive(
    _ part: ACIPushSessions.Part, of id: String, _ request: HTTPRequest
  ) async throws -> HTTPResponse {
    guard let session = pushes[id] else { throw Self.unknownPush }
    var received: (inout ACIPushSessions.Session) -> Void
    switch part {
    case .manifest:
      // As the client says it; what counts is the one in the image.
      _ = try await request.body.collect(upTo: registry.configuration.maximumManifestSize)
      received = { _ in }
    case .signature:
      let bytes = try await small(request)
      received = { $0.signature = bytes.isEmpty ? nil : bytes }
    case .image, .completed:
      let status = try await registry.startUpload(in: session.repository)
      _ = try await registry.appendChunk(
        to: status.id.description, in: session.repository, range: nil, content: request.body.content)
      received = { $0.upload = status.id }
    }
    guard pushes.change(id, received) else { throw Self.unknownPush }
    return HTTPResponse(status: .ok)
  }

  /// The client has sent all, or given up. Failures are told in the document, as acpush reads them.
  func completePush(_ id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
    let message = try? JSONDecoder().decode(Completion.self, from: Data(try await small(request)))
    guard let session = pushes.end(id) else { throw Self.unknownPush }
    guard let message, message.success else {
      if let upload = session.upload {
        try await registry.cancelUpload(upload.description, in: session.repository)
      }
      return try Completion(success: false, serverReason: "the client gave up").response(.ok)
    }
    do {
      guard let id = session.upload,
        let upload = try await registry.store.continueUpload(id, in: session.repository)
      else { throw ACIRefusal.invalid("the image was not sent") }
      let pushed = try await service.accept(upload, signature: session.signature, as: session.query)
      logger.info(
        "an ACI was pushed", metadata: ["name": "\(session.query.name)", "imageID": "\(pushed.imageID)"])
      return try Completion(success: true).response(.ok)
    } catch {
      let wire = WireError(error)
      guard wire.status.code < 500 else { throw error }
      return try Completion(success: false, serverReason: wire.entries.first?.message ?? "").response(
        .badRequest)
    }
  }

  private static let unknownPush = ACIRefusal.notFound("there is no such push under way: start a new one")

  private struct Completion: Codable {
    var success: Bool
    var reason: String?
    var serverReason: String?

    enum CodingKeys: String, CodingKey {
      case success, reason
      case serverReason = "server_reason"
    }

    func response(_ status: HTTPResponseStatus) throws -> HTTPResponse {
      HTTPResponse(
        status: status, headers: ["Content-Type": "application/json"],
        body: .bytes(ByteBuffer(bytes: try JSONEncoder().encode(self))))
    }
  }
}
