import ContainerImage
import HTTPServer
import Mirroring
import NIOCore
import NIOHTTP1
import Registry
import RegistryClient
import Storage

extension RegistryHandler {
  /// Entries of a repository list or a referrers list when the client does not say.
  private static let defaultPage = 1000

  /// end-8
  func listTags(
    _ request: HTTPRequest, _ repository: RepositoryName, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let query = try request.parameters()
    let limit = try query.count("n") ?? Registry.largestPage
    let last = query["last"]
    let mayPush = seesHeld(caller, in: repository, request)
    return deferred(request) { [registry] in
      let page = try await registry.tags(in: repository, after: last, limit: limit)
      let visible = try await registry.trust?.visible(page.elements, in: repository, mayPush: mayPush)
      return Self.tags(
        visible ?? page.elements, of: repository, limit: limit, next: page.hasMore ? page.elements.last : nil)
    }
  }

  /// As the other one, of an upstream's tags; of those that are here if it cannot be asked.
  func listTags(
    _ request: HTTPRequest, from place: MirroredRepository, _ mirror: UpstreamMirror, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let query = try request.parameters()
    let limit = min(try query.count("n") ?? Registry.largestPage, Registry.largestPage)
    let last = query["last"]
    return try orHere(request, try listTags(request, place.name, caller)) {
      let rest = try await mirror.tags(in: place).drop { tag in
        last.map { !$0.utf8.lexicographicallyPrecedes(tag.description.utf8) } ?? false
      }
      let page = Array(rest.prefix(limit))
      return Self.tags(page, of: place.name, limit: limit, next: rest.count > page.count ? page.last : nil)
    }
  }

  private static func tags(
    _ tags: [Tag], of repository: RepositoryName, limit: Int, next last: Tag?
  ) -> HTTPResponse {
    var json = JSONText()
    json.object { json in
      json.member("name", repository.description)
      json.key("tags")
      json.array(tags) { json, tag in json.string(tag.description) }
    }
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    if let last {
      headers.addNextPage("/v2/\(repository)/tags/list", ["n": "\(limit)", "last": last.description])
    }
    return HTTPResponse(status: .ok, headers: headers, body: .bytes(json.buffer))
  }

  func listRepositories(_ request: HTTPRequest, _ caller: Caller) throws(WireError) -> HTTPAnswer {
    let query = try request.parameters()
    let limit = try query.count("n") ?? Self.defaultPage
    let last = query["last"]
    return deferred(request) { [registry] in
      let page = try await registry.repositories(after: last, limit: limit, where: { caller.maySee($0) })
      var json = JSONText()
      json.object { json in
        json.key("repositories")
        json.array(page.elements) { json, name in json.string(name.description) }
      }
      var headers: HTTPHeaders = ["Content-Type": "application/json"]
      if page.hasMore, let last = page.elements.last {
        headers.addNextPage("/v2/_catalog", ["n": "\(limit)", "last": last.description])
      }
      return HTTPResponse(status: .ok, headers: headers, body: .bytes(json.buffer))
    }
  }

  /// end-12
  func listReferrers(
    _ request: HTTPRequest, _ digest: Digest, _ repository: RepositoryName
  ) throws(WireError) -> HTTPAnswer {
    let query = try request.parameters()
    let artifactType = query.artifactType
    let limit = max(1, min(try query.count("n") ?? Self.defaultPage, Self.defaultPage))
    let position = try query.count("last") ?? 0
    return deferred(request) { [registry] in
      let page = try await registry.referrers(
        of: digest, in: repository, artifactType: artifactType, after: Int64(position), limit: limit)
      var response = Self.referrers(page.descriptors, filteredBy: artifactType)
      if let next = page.next {
        var parameters: KeyValuePairs<String, String> = ["n": "\(limit)", "last": "\(next)"]
        if let artifactType {
          parameters = ["n": "\(limit)", "last": "\(next)", "artifactType": artifactType]
        }
        response.headers.addNextPage("/v2/\(repository)/referrers/\(digest)", parameters)
      }
      return response
    }
  }

  /// As the other one, of what an upstream says; of what is here if it cannot be asked.
  func listReferrers(
    _ request: HTTPRequest, _ digest: Digest, from place: MirroredRepository, _ mirror: UpstreamMirror
  ) throws(WireError) -> HTTPAnswer {
    let type = try request.parameters().artifactType
    return try orHere(request, try listReferrers(request, digest, place.name)) {
      let found = try await mirror.referrers(of: digest, in: place)
      return Self.referrers(found.filter { type == nil || $0.artifactType == type }, filteredBy: type)
    }
  }

  /// What an upstream says, or what is here if it cannot be asked.
  private func orHere(
    _ request: HTTPRequest, _ here: HTTPAnswer, _ body: @escaping @Sendable () async throws -> HTTPResponse
  ) throws(WireError) -> HTTPAnswer {
    deferred(request) {
      do {
        return try await body()
      } catch let failure as UpstreamFailure where failure.isTemporary {
        return await here.whole()
      }
    }
  }

  private static func referrers(_ descriptors: [Descriptor], filteredBy type: String?) -> HTTPResponse {
    var json = JSONText()
    json.object { json in
      json.key("schemaVersion")
      json.integer(2)
      json.member("mediaType", MediaType.ociImageIndex.description)
      json.key("manifests")
      json.array(descriptors) { json, descriptor in json.descriptor(descriptor) }
    }
    var headers: HTTPHeaders = ["Content-Type": MediaType.ociImageIndex.description]
    if type != nil { headers.add(name: "OCI-Filters-Applied", value: "artifactType") }
    return HTTPResponse(status: .ok, headers: headers, body: .bytes(json.buffer))
  }

  /// extensions/_oci.md: what this registry has beyond the core.
  func discoverExtensions(_ request: HTTPRequest, _ repository: RepositoryName?) -> HTTPAnswer {
    let base = repository.map { "/v2/\($0)" } ?? "/v2"
    var extensions = [
      (
        name: "_oci", url: "https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md",
        description: "Lists the extensions of this registry", endpoint: "\(base)/_oci/ext/discover"
      )
    ]
    if tagLists != nil, repository != nil {
      extensions.append(
        (
          name: "_kontor", url: "https://github.com/theupdateframework/specification",
          description:
            "The repository's tags, signed by the registry as metadata 'targets' of TUF in an envelope of DSSE",
          endpoint: "\(base)/_kontor/tags/signed"
        ))
    }
    var json = JSONText()
    json.object { json in
      json.key("extensions")
      json.array(extensions) { json, known in
        json.object { json in
          json.member("name", known.name)
          json.member("url", known.url)
          json.member("description", known.description)
          json.key("endpoints")
          json.array([known.endpoint]) { $0.string($1) }
        }
      }
    }
    return .response(
      HTTPResponse(
        status: .ok, headers: ["Content-Type": "application/json"], body: .bytes(json.buffer)))
  }
}

extension JSONText {
  fileprivate mutating func descriptor(_ descriptor: Descriptor) {
    object { json in
      json.member("mediaType", descriptor.mediaType.description)
      json.member("digest", descriptor.digest.description)
      json.member("size", descriptor.size)
      if let artifactType = descriptor.artifactType { json.member("artifactType", artifactType) }
      if let annotations = descriptor.annotations, !annotations.isEmpty {
        json.key("annotations")
        json.object { json in
          for (key, value) in annotations.sorted(by: { $0.key < $1.key }) { json.member(key, value) }
        }
      }
    }
  }
}

extension QueryItems {
  fileprivate var artifactType: String? { self["artifactType"].flatMap { $0.isEmpty ? nil : $0 } }

  /// A number of entries, or a position.
  /// - Throws: `WireError` if it is no number of 0 or more.
  fileprivate func count(_ name: String) throws(WireError) -> Int? {
    guard let text = self[name] else { return nil }
    guard let number = Int(text), number >= 0, number < Int.max else {
      throw WireError(
        .badRequest, .unsupported,
        "the parameter \(name) is \(text.quotedForMessage): expected a number of 0 or more")
    }
    return number
  }
}

extension HTTPHeaders {
  /// `Link: <…>; rel="next"` (RFC 8288), with a relative address that survives a reverse proxy.
  fileprivate mutating func addNextPage(_ path: String, _ parameters: KeyValuePairs<String, String>) {
    let query = parameters.map { "\($0.key)=\($0.value.percentEncoded)" }.joined(separator: "&")
    add(name: "Link", value: "<\(path)?\(query)>; rel=\"next\"")
  }
}
