import AppContainer
import ContainerImage
import ImageTransfer
import Mirroring
import RegistryClient
import Runtimes
import Trust

/// App Container images of hosts that give them out by discovery (appc 0.8.11, discovery.md), and how they are had.
public struct AppContainerHosts: Sendable {
  public let images: [ACImageName]
  /// A directory laid out as rkt's `trustedkeys`; nil if any image is taken, whoever made it.
  let trustedKeys: String?
  /// PEM files.
  let authorities: [String]
  /// Whether they are asked without TLS.
  let plainHTTP: Bool
  let detours: [ConnectionDetour]

  init(_ images: JSONNode, _ settings: JSONNode?) throws(InvalidValue) {
    let names = try images.list { text throws(InvalidValue) -> ACImageName in
      do {
        return try ACImageName(parsing: text)
      } catch {
        throw .malformed("\(error)")
      }
    }
    guard !names.isEmpty else { throw images.failure("the list must not be empty") }
    self.images = names
    let members = try settings?.members(
      "trustedKeys", "insecureSkipSignature", "authorities", "plainHTTP", "connectTo")
    trustedKeys = try members?["trustedKeys"]?.string()
    let skips = try members?["insecureSkipSignature"]?.bool() ?? false
    guard skips != (trustedKeys != nil) else {
      throw (settings ?? images).failure(
        skips
          ? "trustedKeys says whose signatures count, and insecureSkipSignature that none is looked at: choose one of them"
          : "say whose signatures count: appc.trustedKeys names a directory as rkt has it, or appc.insecureSkipSignature is true"
      )
    }
    authorities = try members?["authorities"].map { node throws(InvalidValue) in [try node.string()] } ?? []
    plainHTTP = try members?["plainHTTP"]?.bool() ?? false
    detours =
      try members?["connectTo"]?.list { text throws(InvalidValue) in try ConnectionDetour(parsing: text) }
      ?? []
  }

  func client(isCancelled: @escaping @Sendable () -> Bool) throws -> AppContainerClient {
    var options = ClientOptions()
    options.authorities = authorities
    options.usesPlainHTTP = plainHTTP
    options.detours = detours
    options.isCancelled = isCancelled
    return try AppContainerClient(.current(), options: options)
  }

  /// Fetches an image, with those that it needs, and makes it one for `/v2/`.
  /// - Parameters:
  ///   - staging: a directory for what is on its way.
  ///   - place: where the image itself is.
  func source(
    of name: ACImageName, at place: DiscoveryPage.Endpoint, for platform: Platform,
    by client: AppContainerClient,
    staging: String, isCancelled: @escaping @Sendable () -> Bool
  ) throws -> any ImageSource {
    let keys = trustedKeys.map { KeyPrefixStore(directories: [$0]) }
    let importing = DiscoveredACIImport(name, platform: platform, keys: keys) { wanted, limit, write in
      let found = try client.discover(wanted)
      return try client.fetch(found[0], atMost: limit, isSigned: keys != nil, to: write)
    }
    return try ImportSource(importing, cache: staging, isCancelled: isCancelled)
  }
}
