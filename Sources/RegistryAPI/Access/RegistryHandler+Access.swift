import Access
import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry

extension RegistryHandler {
  /// Asks who sends the request, if it is to be asked here.
  func admit(_ request: HTTPRequest, _ gate: Gatekeeper) -> HTTPAnswer {
    // Whoever logs in is not logged in yet, and health is no secret.
    if request.path == "/token" || Self.isHealth(request) {
      return answer(request, gate.access.anonymous)
    }
    switch gate.entry(request) {
    case .caller(let caller): return answer(request, caller)
    case .refused(let error): return .response(error.response)
    case .unknown(let credentials, let header):
      return deferred(request) { [self] in
        let caller = try await gate.login(credentials, header: header, request)
        // Look-ups belong on the event loop.
        return await (try await request.eventLoop.submit { self.answer(request, caller) }.get()).whole()
      }
    }
  }

  /// Asked before anything is looked up.
  /// - Throws: `WireError` if the caller may not do what it asks for.
  func check(_ caller: Caller, _ route: Route, _ request: HTTPRequest) throws(WireError) {
    guard let gate else { return }
    switch route {
    case .base: try gate.checkIsKnown(caller, request)
    case .catalog, .extensions(nil): break
    case .blob(let repository, _), .manifest(let repository, _):
      switch request.method {
      case .PUT: try gate.check(caller, may: .push, or: .sign, in: repository, request)
      case .DELETE: try gate.check(caller, may: .delete, in: repository, request)
      default: try gate.check(caller, may: .pull, in: repository, request)
      }
    case .uploads(let repository), .upload(let repository, _):
      try gate.check(caller, may: .push, or: .sign, in: repository, request)
    case .tags(let repository), .referrers(let repository, _), .signedTags(let repository),
      .extensions(let repository?):
      try gate.check(caller, may: .pull, in: repository, request)
    }
  }

  /// Whether a client sees images that the trust policy holds back.
  func seesHeld(_ caller: Caller, in repository: RepositoryName, _ request: HTTPRequest) -> Bool {
    // What comes from elsewhere is signed elsewhere.
    if registry.configuration.isMirrored(repository) { return false }
    return pushers.contains(request.remoteAddress) || caller.seesHeld(in: repository)
  }
}
