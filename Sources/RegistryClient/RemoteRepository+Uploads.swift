import ContainerImage
import ImageTransfer

extension RemoteRepository {
  /// Blobs of so many bytes and less are sent in one piece: to send them again costs no more than to ask how far they
  /// came.
  private static let smallBlob: Int64 = 1 << 20

  /// Stores a blob: takes it from another repository of the registry where that is possible, else uploads it, and goes
  /// on where the registry says that it stopped when a connection breaks (end-4, 5, 6, 11, 13).
  public func put(_ blob: BlobContent) throws {
    let what = "\(name)@\(blob.descriptor.digest)"
    try writing(what) { client in
      guard let session = try start(blob, at: client, what) else { return }
      do {
        try send(blob, to: session, at: client, what)
      } catch {
        // The registry would keep what came until the session expires.
        let cancel = EndpointClient.Call(
          method: "DELETE", target: .url(session), scopes: scopes(of: client), isRepeatable: false)
        try? client.send(cancel).discard()
        throw error
      }
    }
  }

  /// - Returns: the address of an upload session; nil if the registry has the blob now.
  private func start(_ blob: BlobContent, at client: EndpointClient, _ what: String) throws -> ClientURL? {
    let digest = blob.descriptor.digest
    var query: String?
    var scopes = scopes(of: client)
    let origin = try origin(of: blob, at: client)
    if let origin {
      query = "mount=\(digest)&from=\(origin.description.percentEncoded)"
      scopes.append("repository:\(origin):pull")
    } else if digest.algorithm != .sha256 {
      query = "digest-algorithm=\(digest.algorithm.rawValue)"
    }
    let call = EndpointClient.Call(
      method: "POST", target: .path(path("/blobs/uploads/", at: client), query: query),
      body: { .bytes([]) }, scopes: scopes)
    var response = try client.send(call)
    if response.head.status == 401 || response.head.status == 403, origin != nil {
      // The user may push here, but not pull there.
      response.discard()
      response = try client.send(
        .init(
          method: "POST", target: .path(path("/blobs/uploads/", at: client)), body: { .bytes([]) },
          scopes: self.scopes(of: client)))
    }
    if response.head.status == 201 {
      response.discard()
      return nil
    }
    guard response.head.status == 202 else { throw response.failure(what, isLookUp: false) }
    return try location(response, at: client, what)
  }

  /// The repository of this registry that a blob can be taken from; nil if there is none. Of several that may have it, all but the
  /// last are asked.
  private func origin(of blob: BlobContent, at client: EndpointClient) throws -> RepositoryName? {
    let names = blob.origins.filter {
      $0.registry == reference.registry && $0.repository != reference.repository
    }.map(\.repository)
    for name in names.dropLast() where try has(blob.descriptor, in: name, at: client) { return name }
    return names.last
  }

  /// - Returns: false also for a repository that this user may not pull from.
  private func has(_ blob: Descriptor, in name: RepositoryName, at client: EndpointClient) throws -> Bool {
    do {
      let response = try client.send(
        .init(
          method: "HEAD", target: .path("/\(name)/blobs/\(blob.digest)"), scopes: ["repository:\(name):pull"])
      )
      response.discard()
      return response.head.status == 200
    } catch is AuthenticationFailure {
      return false
    }
  }

  private func location(_ response: ClientResponse, at client: EndpointClient, _ what: String) throws
    -> ClientURL
  {
    response.discard()
    guard let text = response.head["location"], let url = client.url("/").resolving(text) else {
      throw TransferError.failed("\(what): the registry does not say where to send the blob")
    }
    return url
  }

  private func send(
    _ blob: BlobContent, to session: ClientURL, at client: EndpointClient, _ what: String
  ) throws {
    let (digest, size) = (blob.descriptor.digest, blob.descriptor.size)
    guard size > Self.smallBlob else {
      return try finish(blob, from: 0, session.adding("digest", digest.description), at: client, what)
    }
    var session = session
    var sent: Int64 = 0
    var failed = 0
    while sent < size {
      do {
        let offset = sent
        var call = EndpointClient.Call(
          method: "PATCH", target: .url(session),
          body: {
            .stream(ExactReader(try blob.reader(from: offset), size - offset, digest), length: size - offset)
          },
          scopes: scopes(of: client), isRepeatable: false)
        // Whoever goes on in the middle has to say where; some registries take no such header at the beginning.
        if offset > 0 { call.headers.append(("Content-Range", "\(offset)-\(size - 1)")) }
        let response = try client.send(call)
        if RetryPolicy.isTemporary(response.head.status) {
          throw ConnectionFailure(kind: .network, reason: "\(response.failure(what, isLookUp: false))")
        }
        guard response.head.status == 202 || response.head.status == 204 else {
          throw response.failure(what, isLookUp: false)
        }
        session = try location(response, at: client, what)
        sent = size
      } catch let failure as ConnectionFailure where failure.kind == .network {
        failed += 1
        guard let delay = options.retries.delay(after: failed, retryAfter: nil) else { throw failure }
        try options.wait(delay)
        let before = sent
        (session, sent) = try status(session, at: client, what)
        if sent > before { failed = 0 }
      }
    }
    try finish(blob, from: size, session.adding("digest", digest.description), at: client, what)
  }

  /// How far a session is (end-13).
  private func status(
    _ session: ClientURL, at client: EndpointClient, _ what: String
  ) throws -> (ClientURL, Int64) {
    let response = try client.send(.init(target: .url(session), scopes: scopes(of: client)))
    guard response.head.status == 204 || response.head.status == 200 || response.head.status == 202 else {
      throw response.failure("\(what): the upload cannot go on", isLookUp: false)
    }
    var received: Int64 = 0
    if let range = response.head["range"], let last = range.split(separator: "-").last.flatMap({ Int64($0) })
    {
      // "0-0" is said for one byte and for none.
      received = last == 0 ? 0 : last + 1
    }
    let next = response.head["location"].flatMap { client.url("/").resolving($0) } ?? session
    response.discard()
    return (next, received)
  }

  private func finish(
    _ blob: BlobContent, from offset: Int64, _ url: ClientURL, at client: EndpointClient, _ what: String
  ) throws {
    let rest = blob.descriptor.size - offset
    let response = try client.send(
      .init(
        method: "PUT", target: .url(url),
        body: {
          rest == 0
            ? .bytes([])
            : .stream(
              ExactReader(try blob.reader(from: offset), rest, blob.descriptor.digest), length: rest)
        }, scopes: scopes(of: client)))
    guard response.head.status == 201 || response.head.status == 204 else {
      throw response.failure("\(what): the blob was not taken", isLookUp: false)
    }
    response.discard()
  }
}

/// Gives exactly so many bytes: the length was announced already. The registry compares the digest.
private final class ExactReader: BlobReader {
  private let reader: any BlobReader
  private var left: Int64
  private let digest: Digest

  init(_ reader: any BlobReader, _ length: Int64, _ digest: Digest) {
    self.reader = reader
    left = length
    self.digest = digest
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard left > 0 else { return 0 }
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), left))])
    let count = try reader.read(into: room)
    guard count > 0 else {
      throw TransferError.wrongContent(digest, reason: "it ends \(left) bytes too early")
    }
    left -= Int64(count)
    return count
  }
}
