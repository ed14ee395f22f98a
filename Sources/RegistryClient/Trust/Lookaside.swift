import ContainerImage
import ImageTransfer
import Trust

#if canImport(Glibc)
  import Glibc
#endif

/// Signatures of simple signing in files, on this machine or a web server:
/// `<place>/<repository>@<algorithm>=<hex>/signature-<n>`, from 1 on (containers/image, docs/signature-protocols.md).
struct Lookaside: Sendable {
  private let places: LookasideSettings.Places
  private let repository: RemoteRepository

  init(_ places: LookasideSettings.Places, of repository: RemoteRepository) {
    self.places = places
    self.repository = repository
  }

  func signatures(of digest: Digest) throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    // A scope that says only where to write has none to read.
    guard !places.reading.isEmpty else { return found }
    let directory = address(of: digest, in: places.reading)
    while found.count < SignatureEvidence.maximumCount,
      let next = try signature("\(directory)/signature-\(found.count + 1)")
    {
      found.append(next)
    }
    return found
  }

  /// - Returns: where it is now.
  func add(_ message: [UInt8], of digest: Digest) throws -> String {
    let address = address(of: digest, in: places.writing)
    guard let directory = Self.path(address) else {
      throw TransferError.failed(
        "there is no place to keep the signature: the registry takes none, and \(places.writing) is no directory of this "
          + "machine: name one as lookaside-staging: file:///PATH in registries.d")
    }
    try Self.makeDirectory(directory)
    // Whole under its name from the first moment on, and never in another one's place.
    let temporary = "\(directory)/.signature-\(getpid())"
    defer { unlink(temporary) }
    try Self.write(message, to: temporary)
    for number in 1...SignatureEvidence.maximumCount {
      let path = "\(directory)/signature-\(number)"
      if link(temporary, path) == 0 { return "in \(path)" }
      guard errno == EEXIST else { throw Self.failure(path) }
    }
    throw TransferError.failed("\(directory) has \(SignatureEvidence.maximumCount) signatures already")
  }

  private func address(of digest: Digest, in place: String) -> String {
    let base = place.hasSuffix("/") ? String(place.dropLast()) : place
    return "\(base)/\(repository.reference.repository)@\(digest.algorithm.rawValue)=\(digest.encoded)"
  }

  /// - Returns: nil for one that is elsewhere.
  private static func path(_ address: String) -> String? {
    address.hasPrefix("file://") ? String(address.dropFirst("file://".count)) : nil
  }

  private func signature(_ address: String) throws -> [UInt8]? {
    if let path = Self.path(address) {
      do throws(SettingsError) { return try SettingsFile.read(path) } catch { throw error.transferError }
    }
    guard let url = ClientURL(address) else { throw TransferError.failed("\(address) is no address") }
    return try RemoteRepository.translating(address) {
      let response = try repository.stranger(at: url).send(.init(target: .url(url), scopes: []))
      if response.head.status == 404 {
        response.discard()
        return nil
      }
      guard response.head.status == 200 else { throw response.failure(address) }
      guard let bytes = try response.collect(upTo: SettingsFile.maximumSize) else {
        throw TransferError.failed("\(address) is larger than a signature")
      }
      return bytes
    }
  }

  private static func makeDirectory(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/\(part)"
      guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw failure(made) }
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      throw failure(path)
    }
  }

  private static func failure(_ path: String) -> TransferError {
    .failed("cannot write \(path): \(SettingsFile.reason())")
  }
}
