import CRnp
import FoundationEssentials

/// Public keys whose signatures count: some that were given, and never the user's own keyring.
public struct OpenPGPKeyring: Sendable {
  /// Bytes of keys that are read at once. Keys with thousands of others' signatures stay below it.
  public static let maximumSize = 1 << 20

  public private(set) var keys: [OpenPGPKey]
  /// As they were given. Each verification loads them anew: see `RNPContext`.
  private var encoded: [[UInt8]]

  /// No keys: every signature is one by an unknown key.
  public init() {
    keys = []
    encoded = []
  }

  /// - Parameters:
  ///   - bytes: one or several keys, armored or binary, at most `maximumSize` (RFC 4880, section 11.1). All must be of
  ///     version 4 and of known algorithms.
  ///   - time: the present, at which the keys' own signatures are judged.
  public init(parsing bytes: [UInt8], at time: Date) throws(TrustError) {
    guard !bytes.isEmpty else { throw .unreadableKeys(reason: "there is nothing") }
    guard bytes.count <= Self.maximumSize else {
      throw .tooLarge(what: "the keyring", limit: Self.maximumSize)
    }
    let context = try RNPContext(at: time)
    try Self.load(bytes, into: context)
    var keys: [OpenPGPKey] = []
    for key in try RNPKey.primaries(in: context) { keys.append(try OpenPGPKey(key)) }
    guard !keys.isEmpty else { throw .unreadableKeys(reason: "there is no key") }
    self.keys = keys
    encoded = [bytes]
  }

  /// Keys of both. Of a key that is in both, what either says counts; `keys` describes it as this one does.
  public mutating func add(_ other: OpenPGPKeyring) {
    let known = Set(keys.map(\.fingerprint))
    keys += other.keys.filter { !known.contains($0.fingerprint) }
    encoded += other.encoded
  }

  /// One key alone, armored, as `ac-discovery-pubkeys` and rkt's key directories have them.
  /// - Returns: nil if it is not in the keyring.
  public func armored(_ fingerprint: OpenPGPFingerprint, at time: Date) throws(TrustError) -> [UInt8]? {
    let context = try makeContext(at: time)
    return try RNPKey.find("fingerprint", fingerprint.description, in: context)?.exportPublic()
  }

  func makeContext(at time: Date) throws(TrustError) -> RNPContext {
    let context = try RNPContext(at: time)
    for bytes in encoded { try Self.load(bytes, into: context) }
    return context
  }

  private static func load(_ bytes: [UInt8], into context: RNPContext) throws(TrustError) {
    let loaded = bytes.withUnsafeBytes { bytes in
      Result { () throws(TrustError) in
        try RNPContext.withInput(bytes) { input in
          rnp_import_keys(context.handle, input, UInt32(RNP_LOAD_SAVE_PUBLIC_KEYS), nil)
        }
      }
    }
    let result = try loaded.get()
    guard result == RNPResult.success else { throw .unreadableKeys(reason: RNPContext.reason(result)) }
  }
}
