import AppContainer
import ContainerImage
import ImageTransfer

/// Finds and fetches App Container images and the keys that sign them (appc 0.8.11, discovery.md): over HTTPS, and over HTTP
/// only with `usesPlainHTTP` (at once) or `skipsVerification` (when HTTPS does not answer).
///
/// ```swift
/// let client = try AppContainerClient(.current())
/// let places = try client.discover(ACImageName(parsing: "example.com/hello:1.0.0,os=linux,arch=amd64")) { print($0) }
/// let signature = try client.fetch(places[0], atMost: 1 << 30, isSigned: true, to: { … })
/// ```
///
/// Every call blocks its thread. What fails throws `TransferError`.
public final class AppContainerClient: Sendable {
  let web: WebClient

  /// Bytes of a page; there are pages without an end.
  private static let largestPage = 1 << 20
  private static let largestKeys = 1 << 20
  private static let largestSignature = 64 << 10

  /// - Throws: `TransferError` if the settings of the machine are broken.
  public init(_ environment: UserEnvironment, options: ClientOptions = ClientOptions()) throws(TransferError)
  {
    do throws(SettingsError) {
      web = try WebClient(environment, options: options)
    } catch {
      throw error.transferError
    }
  }

  // MARK: Discovery

  /// Where an image is: asks for the page of its name, then of what is above it, until one says so.
  /// - Parameters:
  ///   - name: with all labels that are wanted.
  ///   - report: gets each step when it is done.
  /// - Returns: at least one place, in the page's order.
  /// - Throws: `TransferError.notFound`, `.denied`, `.failed`
  public func discover(
    _ name: ACImageName, report: (DiscoveryStep) -> Void = { _ in }
  ) throws -> [DiscoveryPage.Endpoint] {
    try walk(name.name, "the image \(name)", report) { $0.endpoints(for: name) }
  }

  /// Where the public keys are for the images of a name, or whose names begin with it.
  /// - Returns: at least one address.
  /// - Throws: as `discover`
  public func discoverKeys(
    for name: ACIdentifier, report: (DiscoveryStep) -> Void = { _ in }
  ) throws -> [String] {
    try walk(name, "keys for \(name)", report) { $0.keys(for: name) }
  }

  private func walk<Place>(
    _ name: ACIdentifier, _ what: String, _ report: (DiscoveryStep) -> Void,
    _ places: (DiscoveryPage) -> [Place]
  ) throws -> [Place] {
    var parts = name.description.split(separator: "/", omittingEmptySubsequences: false)
    var wasDenied = false
    while !parts.isEmpty {
      var unreachable: [String] = []
      for scheme in schemes {
        let (step, found) = try ask("\(scheme.rawValue)://\(parts.joined(separator: "/"))", places)
        report(step)
        if !found.isEmpty { return found }
        switch step.outcome {
        case .unreachable(let reason): unreachable.append(reason)
        case .status(401), .status(403): wasDenied = true
        case .found, .nothing, .status, .failed: break
        }
        // A page that came is the page; there is no other one without TLS.
        if step.outcome == .nothing { break }
      }
      // What is above is at the same host.
      if unreachable.count == schemes.count {
        throw TransferError.failed("\(what) cannot be looked for: \(unreachable.joined(separator: "; "))")
      }
      parts.removeLast()
    }
    if wasDenied {
      throw TransferError.denied(
        "\(what) cannot be found: its host wants to know who asks: put credentials into /etc/rkt/auth.d")
    }
    throw TransferError.notFound(
      "\(what) was not found: no page of its host, from its name upwards, says where it is"
        + (web.takesHTTP ? "" : " (--insecure or --plain-http ask over HTTP too)"))
  }

  private var schemes: [RegistryEndpoint.Scheme] {
    if web.options.usesPlainHTTP { return [.http] }
    return web.options.skipsVerification ? [.https, .http] : [.https]
  }

  /// - Throws: `TransferError.cancelled`, or what is wrong with the settings. All else is a step's outcome.
  private func ask<Place>(
    _ address: String, _ places: (DiscoveryPage) -> [Place]
  ) throws -> (DiscoveryStep, [Place]) {
    let address = "\(address)?ac-discovery=1"
    func step(_ outcome: DiscoveryStep.Outcome) -> DiscoveryStep {
      DiscoveryStep(url: address, outcome: outcome)
    }
    guard let url = ClientURL(address) else { return (step(.failed("this is no address of a host")), []) }
    do {
      let response = try web.get(url, attempts: schemes.count == 1 ? nil : 1)
      guard response.head.status == 200 else {
        response.discard()
        return (step(.status(response.head.status)), [])
      }
      guard let html = try response.collect(upTo: Self.largestPage) else {
        return (step(.failed("the page has more than \(Self.largestPage) bytes")), [])
      }
      let found = places(DiscoveryPage(html: html))
      return (step(found.isEmpty ? .nothing : .found(found.count)), found)
    } catch let failure as ConnectionFailure where failure.kind != .cancelled {
      let isFinal = failure.kind == .invalid
      return (step(isFinal ? .failed(failure.reason) : .unreachable(failure.reason)), [])
    } catch {
      throw Self.translated(error, address)
    }
  }

  // MARK: Fetching

  /// Fetches an image and its signature.
  /// - Parameters:
  ///   - limit: bytes of the image's file.
  ///   - isSigned: whether the signature is wanted, which is asked for first: a server that makes it with the image says
  ///     so, and is asked again.
  ///   - write: takes the image's next bytes. Where a connection breaks, reading goes on by itself.
  /// - Returns: the signature; nil if there is none, or none is wanted.
  /// - Throws: `TransferError`, and what `write` throws
  public func fetch(
    _ place: DiscoveryPage.Endpoint, atMost limit: Int64, isSigned: Bool,
    to write: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> [UInt8]? {
    var signature = isSigned ? try self.signature(place.signature) : .missing
    try image(place.image, atMost: limit, to: write)
    if signature == .pending { signature = try self.signature(place.signature) }
    switch signature {
    case .bytes(let bytes): return bytes
    case .missing: return nil
    case .pending:
      throw TransferError.failed(
        "\(place.signature): the server has the signature not ready yet: try again later")
    }
  }

  private enum Signature: Equatable {
    case bytes([UInt8])
    case pending
    case missing
  }

  private func signature(_ address: String) throws -> Signature {
    let response = try open(address)
    switch response.head.status {
    case 200: return .bytes(try collect(response, upTo: Self.largestSignature, address))
    case 202:
      response.discard()
      return .pending
    case 404, 410:
      response.discard()
      return .missing
    default: throw failure(response, address)
    }
  }

  private func image(
    _ address: String, atMost limit: Int64, to write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let url = try usable(address)
    let reader = try RemoteBlobReader(from: 0, what: address, options: web.options) { [self] headers in
      let response = try web.get(url, headers: headers)
      guard [200, 206, 416].contains(response.head.status) else { throw failure(response, address) }
      return response
    }
    var count: Int64 = 0
    try reader.forEachPiece { piece in
      count += Int64(piece.count)
      guard count <= limit else {
        throw TransferError.failed(
          "\(address) has more than \(ByteSize(limit)): raise the limit with --max-unpacked if you trust it")
      }
      try write(piece)
    }
  }

  /// What tells the image that is there now from another that may be there later (RFC 9110, section 8.8), without fetching it.
  /// - Returns: nil if the server does not say.
  /// - Throws: `TransferError`
  public func state(of place: DiscoveryPage.Endpoint) throws -> String? {
    let url = try usable(place.image)
    do {
      let response = try web.get(url, method: "HEAD")
      response.discard()
      guard response.head.status == 200 else { return nil }
      if let tag = response.head["etag"] { return tag }
      guard let time = response.head["last-modified"], let length = response.head.contentLength else {
        return nil
      }
      return "\(time), \(length) bytes"
    } catch {
      throw Self.translated(error, place.image)
    }
  }

  /// Fetches public keys.
  /// - Throws: `TransferError`
  public func keys(at address: String) throws -> [UInt8] {
    let response = try open(address)
    guard response.head.status == 200 else { throw failure(response, address) }
    return try collect(response, upTo: Self.largestKeys, address)
  }

  private func usable(_ address: String) throws(TransferError) -> ClientURL {
    if let url = web.url(address) { return url }
    throw .failed(
      address.hasPrefix("http://")
        ? "\(address) has no TLS: take it with --insecure or --plain-http if you trust the network"
        : "\(address) is no address that can be fetched from: expected https://…")
  }

  private func open(_ address: String) throws -> ClientResponse {
    let url = try usable(address)
    do {
      return try web.get(url)
    } catch {
      throw Self.translated(error, address)
    }
  }

  private func collect(_ response: ClientResponse, upTo limit: Int, _ address: String) throws -> [UInt8] {
    do {
      if let bytes = try response.collect(upTo: limit) { return bytes }
    } catch {
      throw Self.translated(error, address)
    }
    throw TransferError.failed("\(address) has more than \(limit) bytes")
  }

  private func failure(_ response: ClientResponse, _ address: String) -> TransferError {
    response.discard()
    switch response.head.status {
    case 401, 403:
      return .denied(
        "\(address): the server answered with status \(response.head.status): put credentials into /etc/rkt/auth.d"
      )
    case 404, 410: return .notFound("\(address) is not there")
    default: return .failed("\(address): the server answered with status \(response.head.status)")
    }
  }

  private static func translated(_ error: any Error, _ what: String) -> any Error {
    switch error {
    case let failure as ConnectionFailure: failure.transferError(what)
    case let error as SettingsError: error.transferError
    default: error
    }
  }
}
