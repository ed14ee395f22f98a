import ContainerImage
import ImageTransfer

extension RemoteRepository {
  /// Whether the repository has a blob (end-2, HEAD).
  public func has(_ blob: Descriptor) throws -> Bool {
    let what = "\(name)@\(blob.digest)"
    return try reading(what) { client in
      let response = try client.send(
        .init(
          method: "HEAD", target: .path(path("/blobs/\(blob.digest)", at: client)), scopes: scopes(of: client)
        )
      )
      response.discard()
      switch response.head.status {
      case 200: return true
      case 404: return false
      default: throw response.failure(what)
      }
    }
  }

  /// A blob's bytes from `offset` on, not verified (end-2). Reading goes on by itself where a connection broke.
  public func blob(_ blob: Descriptor, from offset: Int64 = 0) throws -> any BlobReader {
    let what = "\(name)@\(blob.digest)"
    do {
      return try reading(what) { client in
        let call = EndpointClient.Call(
          target: .path(path("/blobs/\(blob.digest)", at: client)), scopes: scopes(of: client))
        return try RemoteBlobReader(call, at: client, from: offset, what: what, options: options)
      }
    } catch TransferError.notFound(let reason) {
      // Layers that a registry need not have say where else they are; who serves them gets no credentials.
      guard blob.mediaType.isNondistributable, let urls = blob.urls else {
        throw TransferError.notFound(reason)
      }
      return try foreign(blob, urls, from: offset)
    }
  }

  private func foreign(_ blob: Descriptor, _ urls: [String], from offset: Int64) throws -> any BlobReader {
    var failure: any Error = TransferError.notFound(
      "the layer \(blob.digest) has no address that can be used")
    for url in urls.compactMap({ ClientURL($0) }) {
      let client = stranger(at: url)
      do {
        let what = url.forMessages
        return try Self.translating(what) {
          try RemoteBlobReader(
            .init(target: .url(url), scopes: []), at: client, from: offset, what: what, options: options)
        }
      } catch {
        failure = error
      }
    }
    throw failure
  }

  /// A client of a server that is not the registry's, which gets no credentials.
  func stranger(at url: ClientURL) -> EndpointClient {
    var endpoint = RegistryEndpoint(scheme: url.scheme, host: url.host, reference: reference)
    endpoint.credentialScope = nil
    var anonymous = options
    anonymous.credentials = .anonymous
    return EndpointClient(
      endpoint, pool: pool, credentials: CredentialStore(.init(home: "/", variables: [:], userID: 0)),
      proxies: proxies, options: anonymous)
  }
}

/// Reads a blob, and asks again for the rest when the connection breaks (RFC 9110, section 14).
final class RemoteBlobReader: BlobReader {
  /// Asks for the blob, with these headers.
  private let send: ([(name: String, value: String)]) throws -> ClientResponse
  private let what: String
  private let options: ClientOptions
  private var position: Int64
  private var response: ClientResponse?
  /// Bytes that this response has still to bring, if it said how many it has.
  private var left: Int64?
  private var failed = 0

  convenience init(
    _ call: EndpointClient.Call, at client: EndpointClient, from offset: Int64, what: String,
    options: ClientOptions
  ) throws {
    try self.init(from: offset, what: what, options: options) { headers in
      var call = call
      call.headers += headers
      return try client.send(call)
    }
  }

  /// - Parameter send: asks for the blob, with these headers.
  init(
    from offset: Int64, what: String, options: ClientOptions,
    send: @escaping ([(name: String, value: String)]) throws -> ClientResponse
  ) throws {
    self.send = send
    self.what = what
    self.options = options
    position = offset
    try open()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      do {
        if response == nil { try open() }
        guard let response else { return 0 }
        let count = try response.read(into: buffer)
        if count == 0, let left, left > 0 {
          throw ConnectionFailure(kind: .network, reason: "the connection ended \(left) bytes too early")
        }
        position += Int64(count)
        left = left.map { $0 - Int64(count) }
        if count > 0 { failed = 0 }
        return count
      } catch let failure as ConnectionFailure where failure.kind == .network {
        response = nil
        failed += 1
        guard let delay = options.retries.delay(after: failed, retryAfter: nil) else {
          throw failure.transferError(what)
        }
        try RemoteRepository.translating(what) { try options.wait(delay) }
      } catch let failure as ConnectionFailure {
        throw failure.transferError(what)
      }
    }
  }

  private func open() throws {
    let range = position > 0 ? [(name: "Range", value: "bytes=\(position)-")] : []
    let response = try RemoteRepository.translating(what) { try send(range) }
    switch response.head.status {
    case 206:
      guard let range = response.head["content-range"], range.hasPrefix("bytes \(position)-") else {
        throw TransferError.failed("\(what): the registry answered with another range than was asked for")
      }
    case 200:
      try skip(position, of: response)
    case 416:
      throw TransferError.failed("\(what): the registry has fewer bytes than it said before")
    default:
      throw response.failure(what)
    }
    self.response = response
    left = response.head.contentLength.map { $0 - (response.head.status == 200 ? position : 0) }
  }

  /// Reads over what is here already, for a server without ranges.
  private func skip(_ count: Int64, of response: ClientResponse) throws {
    guard count > 0 else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var rest = count
    while rest > 0 {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(rest, Int64(buffer.count)))])
      let read = try response.read(into: piece)
      guard read > 0 else {
        throw ConnectionFailure(kind: .network, reason: "the connection ended too early")
      }
      rest -= Int64(read)
    }
  }
}
