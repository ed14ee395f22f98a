import AppContainer
import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import Storage

extension AppContainerHandler {
  func get(
    _ file: AppContainerRoute.File, _ query: ACIQuery, _ request: HTTPRequest, _ caller: Caller
  ) -> HTTPAnswer {
    if registry.trust != nil {
      return deferred { [registry, service] in
        try await service.requireTrust(query, mayPush: seesHeld(query, request, caller))
        let found = try await registry.store.blocking { try service.find(query) }
        return try await answer(file, found, request)
      }
    }
    // To find the newest of many versions may take some time.
    guard query.labels.version != nil else {
      return deferred { [registry, service] in
        let found = try await registry.store.blocking { try service.find(query) }
        return try await answer(file, found, request)
      }
    }
    do {
      let found = try service.find(query)
      if let response = try immediate(file, found, request) { return .response(response) }
      return deferred { try await answer(file, found, request) }
    } catch {
      return .response(failure(error))
    }
  }

  /// Whether a client sees images that the trust policy holds back.
  private func seesHeld(_ query: ACIQuery, _ request: HTTPRequest, _ caller: Caller) -> Bool {
    if pushers.contains(request.remoteAddress) { return true }
    guard let repository = service.configuration.hosts.repository(of: query.name) else { return false }
    return caller.seesHeld(in: repository)
  }

  private func answer(
    _ file: AppContainerRoute.File, _ found: AppContainerService.Found, _ request: HTTPRequest
  ) async throws -> HTTPResponse {
    if let response = try immediate(file, found, request) { return response }
    guard case .image(let image) = found else { throw ACIRefusal.notFound("there is no such file") }
    if file == .signature {
      // rkt asks for the signature first. It asks again after the image, which takes until there is one.
      Task { [service] in _ = try? await service.convert(image) }
      return HTTPResponse(status: .accepted, headers: ["Retry-After": "1"])
    }
    let (converted, repository) = try await service.convert(image)
    return try blob(converted.blob, in: repository, request)
  }

  /// The answer, if it takes no work.
  private func immediate(
    _ file: AppContainerRoute.File, _ found: AppContainerService.Found, _ request: HTTPRequest
  ) throws -> HTTPResponse? {
    switch (file, found) {
    case (.image, .pushed(let image, _, let repository)): return try blob(image, in: repository, request)
    case (.signature, .pushed(_, let signature?, let repository)):
      return try blob(signature, in: repository, request)
    case (.image, .converted(let converted, let repository)):
      return try blob(converted.blob, in: repository, request)
    case (.signature, .converted(let converted, _)):
      if let signature = converted.signature {
        return .text(.ok, signature.armored, type: "application/pgp-signature")
      }
    case (.signature, .image):
      if service.configuration.signer != nil { return nil }
    case (.image, .image): return nil
    case (.signature, .pushed): break
    }
    throw ACIRefusal.notFound("the image is not signed; 'rkt --insecure-options=image' takes it as it is")
  }

  private func blob(
    _ digest: Digest, in repository: RepositoryName, _ request: HTTPRequest
  ) throws -> HTTPResponse {
    guard let blob = try registry.blob(digest, in: repository) else {
      throw RegistryError.blobUnknown(digest, repository)
    }
    return .representation(
      of: FileBody(owning: blob.descriptor, offset: 0, length: blob.size), entityTag: digest.entityTag,
      // A version may come to mean another image: clients ask whether theirs is still it.
      headers: ["Content-Type": "application/octet-stream", "Cache-Control": "no-cache"], for: request)
  }
}
