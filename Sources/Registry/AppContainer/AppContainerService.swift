import AppContainer
import ContainerImage
import FoundationEssentials
import Logging
import Storage
import Synchronization
import Trust

/// The registry for clients of appc: finds images by their names and labels, makes ACIs of images that were pushed in
/// another form, and takes ACIs.
public final class AppContainerService: Sendable {
  public struct Configuration: Sendable {
    public var hosts = PublicHosts()
    /// Signs the ACIs that are made here; nil for none.
    public var signer: OpenPGPSigner?

    public init() {}
  }

  public let configuration: Configuration
  public let registry: Registry
  /// What is taken; `Registry.Configuration.admit` should ask it, too.
  let acceptance: ACIAcceptance
  let logger: Logger
  /// An image is converted once, however many ask for it at the same time.
  let conversions = KeyedLock<ConvertedACI.Key>()
  let turns = ConversionTurns()
  /// A tag that several pushes join at the same time means all of them.
  let tagging = KeyedLock<TagKey>()

  var store: ContentStore { registry.store }

  public init(
    registry: Registry, acceptance: ACIAcceptance, configuration: Configuration = Configuration(),
    logger: Logger
  ) {
    self.registry = registry
    self.acceptance = acceptance
    self.configuration = configuration
    self.logger = logger
  }

  /// The registry's own public key and those that are trusted for names with this prefix, armored.
  /// - Parameter prefix: a name or the beginning of one.
  public func publicKeys(for prefix: ACIdentifier, at time: Date) throws -> [(
    fingerprint: String, key: [UInt8]
  )] {
    var keys: [(String, [UInt8])] = []
    if let signer = configuration.signer {
      keys.append((signer.key.fingerprint.description, try signer.armoredPublicKey(at: time)))
    }
    let trusted = try acceptance.trustedKeys(prefix)
    for key in trusted.keys where !keys.contains(where: { $0.0 == key.fingerprint.description }) {
      if let armored = try trusted.armored(key.fingerprint, at: time) {
        keys.append((key.fingerprint.description, armored))
      }
    }
    return keys
  }
}

/// Lets two conversions run at a time: each takes a processor or two, and the disk.
final class ConversionTurns: Sendable {
  private static let count = 2
  private let locks = KeyedLock<Int>()
  private let next = Atomic<Int>(0)

  func take<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows -> Value {
    let turn = next.wrappingAdd(1, ordering: .relaxed).newValue % Self.count
    return try await locks.withLock(abs(turn), body)
  }
}
