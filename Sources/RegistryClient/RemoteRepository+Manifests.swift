import ContainerImage
import FoundationEssentials
import ImageTransfer

extension RemoteRepository {
  /// The manifest that the reference means, or another one of the repository (end-3).
  public func manifest(_ wanted: ManifestReference? = nil) throws -> ManifestDocument {
    let wanted = wanted ?? reference.manifest
    let what = describe(wanted)
    return try reading(what) { client in
      let response = try client.send(
        .init(
          target: .path(path("/manifests/\(wanted)", at: client)),
          headers: [("Accept", ManifestTypes.accept)],
          scopes: scopes(of: client)))
      guard response.head.status == 200 else { throw response.failure(what) }
      guard let bytes = try response.collect(upTo: ManifestTypes.largest) else {
        throw TransferError.notAnImage(
          "\(what) has more than \(ManifestTypes.largest) bytes: that is no manifest")
      }
      var expected: Digest?
      if case .digest(let digest) = wanted {
        expected = digest
      } else if let told = response.head["docker-content-digest"] {
        expected = try? Digest(parsing: told)
      }
      let type = response.head["content-type"].map(MediaType.init(header:))
      // Servers of plain files say something of their own; then the document decides.
      let isManifest = type.map { ManifestTypes.all.contains($0) } ?? false
      do {
        return try ManifestDocument(bytes, mediaType: isManifest ? type : nil, expecting: expected)
      } catch TransferError.notAnImage(let reason) {
        throw TransferError.notAnImage("\(what): \(reason)")
      }
    }
  }

  /// Whether the repository has a manifest, and which digest it has (end-3, HEAD).
  /// - Returns: nil if it has not.
  public func manifestDigest(_ wanted: ManifestReference? = nil) throws -> Digest? {
    let wanted = wanted ?? reference.manifest
    let what = describe(wanted)
    return try reading(what) { client in
      let response = try client.send(
        .init(
          method: "HEAD", target: .path(path("/manifests/\(wanted)", at: client)),
          headers: [("Accept", ManifestTypes.accept)], scopes: scopes(of: client)))
      response.discard()
      if response.head.status == 404 { return nil }
      // Some know no HEAD.
      if [405, 501].contains(response.head.status) { return try manifest(wanted).digest }
      guard response.head.status == 200 else { throw response.failure(what) }
      if let told = response.head["docker-content-digest"] { return try Digest(parsing: told) }
      return try manifest(wanted).digest
    }
  }

  /// Stores a manifest, under a tag or by its digest alone (end-7).
  /// - Returns: whether the registry keeps its `subject` for the referrers API itself.
  @discardableResult
  public func put(_ manifest: ManifestDocument, as target: ManifestReference) throws -> Bool {
    let what = describe(target)
    return try writing(what) { client in
      let response = try client.send(
        .init(
          method: "PUT", target: .path(path("/manifests/\(target)", at: client)),
          headers: [("Content-Type", manifest.mediaType.description)], body: { .bytes(manifest.bytes) },
          scopes: scopes(of: client)))
      guard response.head.status == 201 || response.head.status == 200 || response.head.status == 202 else {
        throw response.failure("\(what): the manifest was not taken", isLookUp: false)
      }
      response.discard()
      if let told = response.head["docker-content-digest"], let digest = try? Digest(parsing: told),
        digest.algorithm == manifest.digest.algorithm, digest != manifest.digest
      {
        throw TransferError.failed("\(what): the registry stored something else: \(digest)")
      }
      return response.head["oci-subject"] != nil
    }
  }

  /// Deletes a manifest with its tags, or a tag alone (end-9).
  public func delete(_ target: ManifestReference) throws {
    let what = describe(target)
    try writing(what) { client in
      let response = try client.send(
        .init(
          method: "DELETE", target: .path(path("/manifests/\(target)", at: client)),
          scopes: ["repository:\(client.endpoint.reference.repository):pull,push,delete"]))
      if response.head.status == 405 || response.head.status == 400 {
        throw TransferError.failed(
          "\(what): the registry does not delete this: it may not allow deletion at all, or of tags alone")
      }
      guard (200..<300).contains(response.head.status) else { throw response.failure(what) }
      response.discard()
    }
  }

  /// What refers to a manifest as its `subject` (end-12); from the fallback tag where the registry has no such API
  /// (distribution-spec, section "Unavailable Referrers API").
  /// - Parameter artifactType: only those of this type; nil for all.
  public func referrers(of digest: Digest, artifactType: String? = nil) throws -> [Descriptor] {
    let all = try listedReferrers(of: digest, artifactType: artifactType) ?? fallbackReferrers(of: digest)
    // A registry may leave the filter to the client.
    return all.filter { artifactType == nil || $0.artifactType == artifactType }
  }

  /// What refers to a manifest, as the API for that says (end-12).
  /// - Returns: nil if the registry has no such API.
  public func listedReferrers(of digest: Digest, artifactType: String? = nil) throws -> [Descriptor]? {
    let what = "the referrers of \(name)@\(digest)"
    return try reading(what) { client -> [Descriptor]? in
      if client.hasReferrers == false { return nil }
      let filter = artifactType.map { "artifactType=\($0.percentEncoded)" }
      do {
        let found = try client.referrers(
          path("/referrers/\(digest)", at: client), query: filter, scopes: scopes(of: client), what: what)
        client.hasReferrers = true
        return found
      } catch TransferError.notFound {
        client.hasReferrers = false
        return nil
      }
    }
  }

  /// What refers to a manifest, as the tag lists it that stands for the API.
  public func fallbackReferrers(of digest: Digest) throws -> [Descriptor] {
    do {
      return try manifest(.tag(Tag(listingReferrersOf: digest))).manifest().manifests
    } catch TransferError.notFound {
      return []
    }
  }

  /// The tags, in the registry's order (end-8).
  public func tags() throws -> [String] {
    try reading(name) { client in
      try client.tags(path("/tags/list", at: client), scopes: scopes(of: client), what: name)
    }
  }

  private func describe(_ target: ManifestReference) -> String {
    switch target {
    case .tag(let tag): "\(name):\(tag)"
    case .digest(let digest): "\(name)@\(digest)"
    }
  }
}

extension EndpointClient {
  private static let largestPage = 32 << 20
  private static let mostPages = 100_000
  private static let mostElements = 2_000_000

  /// end-8
  func tags(_ path: String, scopes: [String], what: String) throws -> [String] {
    struct Page: Decodable { var tags: [String]? }
    return try pages(path, query: "n=1000", scopes: scopes, what: what) {
      try JSONDecoder().decode(Page.self, from: $0).tags ?? []
    }
  }

  /// `/v2/_catalog`, as Docker's registry has it.
  /// - Throws: `TransferError`
  func catalog(of registry: String) throws -> [String] {
    struct Page: Decodable { var repositories: [String]? }
    return try pages("/_catalog", query: "n=1000", scopes: ["registry:catalog:*"], what: registry) {
      try JSONDecoder().decode(Page.self, from: $0).repositories ?? []
    }
  }

  /// end-12
  func referrers(_ path: String, query: String?, scopes: [String], what: String) throws -> [Descriptor] {
    try pages(path, query: query, scopes: scopes, what: what) {
      try ManifestDocument(Array($0), mediaType: .ociImageIndex).manifest().manifests
    }
  }

  /// A list of which the registry gives a piece at a time (RFC 8288, `Link: <…>; rel="next"`).
  func pages<Element>(
    _ path: String, query: String?, scopes: [String], what: String, _ elements: (Data) throws -> [Element]
  ) throws -> [Element] {
    var all: [Element] = []
    var target = Call.Target.path(path, query: query)
    var current = url(path, query: query)
    for _ in 0..<Self.mostPages {
      let response = try RemoteRepository.translating(what) {
        try send(Call(target: target, scopes: scopes))
      }
      guard response.head.status == 200 else { throw response.failure(what) }
      let body = try RemoteRepository.translating(what) { try response.collect(upTo: Self.largestPage) }
      guard let body else { throw TransferError.failed("\(what): the registry's list does not end") }
      do {
        all += try elements(Data(body))
      } catch {
        throw TransferError.failed("\(what): the registry answers with something that is no list")
      }
      guard all.count <= Self.mostElements else { break }
      guard let link = response.head["link"], link.contains("next") else { return all }
      guard let address = Self.next(link).flatMap({ current.resolving($0) }) else {
        throw TransferError.failed("\(what): the registry does not say where its list goes on")
      }
      // Behind a proxy, a registry may not know its own address; credentials stay where they are.
      var next = current
      (next.path, next.query) = (address.path, address.query)
      guard next != current else { return all }
      target = .url(next)
      current = next
    }
    throw TransferError.failed("\(what): the registry's list does not end")
  }

  private static func next(_ link: String) -> String? {
    guard link.contains("rel=\"next\"") || link.contains("rel=next"), link.hasPrefix("<"),
      let end = link.firstIndex(of: ">")
    else { return nil }
    return String(link[link.index(after: link.startIndex)..<end])
  }
}
