import CRnp
import FoundationEssentials

/// Makes signatures with one secret key, which is in memory only: neither the user's keyring nor an agent is asked.
public struct OpenPGPSigner: Sendable {
  public enum HashAlgorithm: String, Sendable, Hashable {
    case sha256 = "SHA256"
    case sha512 = "SHA512"
  }

  /// The public half.
  public let key: OpenPGPKey
  private let secretKey: SecretBytes
  private let passphrase: SecretBytes?

  /// - Parameters:
  ///   - secretKey: one primary key with its subkeys, armored or binary, at most `OpenPGPKeyring.maximumSize`. The
  ///     primary key's own secret may be missing, as `gpg --export-secret-subkeys` leaves it out.
  ///   - passphrase: what protects it.
  ///   - time: the present, at which the key's own signatures are judged.
  public init(secretKey: SecretBytes, passphrase: SecretBytes?, at time: Date) throws(TrustError) {
    self.secretKey = secretKey
    self.passphrase = passphrase
    let context = try Self.makeContext(secretKey, at: time)
    key = try OpenPGPKey(try Self.onlyKey(in: context))
  }

  /// Signs content (RFC 4880, section 11.4) with the newest subkey that may sign, or with the primary key if there is none,
  /// as GnuPG does. A key of ECDSA on a larger curve takes a longer hash than SHA-256.
  /// - Parameters:
  ///   - content: as for `OpenPGPKeyring.verify(_:of:at:)`.
  ///   - time: when the signature says that it was made. All else being equal, so is the signature: no key's algorithm
  ///     needs chance here.
  /// - Returns: the signature, armored.
  /// - Throws: `TrustError`, and what `content` throws.
  public func sign(
    _ content: (UnsafeMutableRawBufferPointer) throws -> Int, with hash: HashAlgorithm = .sha256,
    at time: Date
  ) throws -> [UInt8] {
    let context = try Self.makeContext(secretKey, at: time)
    let signingKey = try signingKey(in: context)
    return try ContentFeed.withInput(content) { content throws(TrustError) in
      try RNPContext.collect(atMost: 0) { output throws(TrustError) in
        var operation: OpaquePointer?
        try RNPContext.check(
          rnp_op_sign_detached_create(&operation, context.handle, content, output), "sign")
        defer { rnp_op_sign_destroy(operation) }
        try RNPContext.check(rnp_op_sign_set_armor(operation, true), "sign")
        try run(operation, by: signingKey, with: hash, in: context)
      }
    }
  }

  /// Makes a signed message (RFC 4880, section 11.3), which has the content in it, with the same key as for a detached
  /// signature.
  /// - Parameter content: at least one byte.
  /// - Returns: the message, binary and not compressed.
  public func sign(
    message content: [UInt8], with hash: HashAlgorithm = .sha256, at time: Date
  ) throws(TrustError) -> [UInt8] {
    let context = try Self.makeContext(secretKey, at: time)
    let signingKey = try signingKey(in: context)
    let message = content.withUnsafeBytes { content in
      Result { () throws(TrustError) in
        try RNPContext.withInput(content) { content throws(TrustError) in
          try RNPContext.collect(atMost: 0) { output throws(TrustError) in
            var operation: OpaquePointer?
            try RNPContext.check(rnp_op_sign_create(&operation, context.handle, content, output), "sign")
            defer { rnp_op_sign_destroy(operation) }
            try run(operation, by: signingKey, with: hash, in: context)
          }
        }
      }
    }
    return try message.get()
  }

  private func run(
    _ operation: OpaquePointer?, by key: RNPKey, with hash: HashAlgorithm, in context: RNPContext
  ) throws(TrustError) {
    try RNPContext.check(rnp_op_sign_set_hash(operation, hash.rawValue), "sign")
    try RNPContext.check(rnp_op_sign_set_creation_time(operation, context.now), "sign")
    try RNPContext.check(rnp_op_sign_add_signature(operation, key.handle, nil), "sign")
    try RNPContext.check(rnp_op_sign_execute(operation), "sign")
  }

  /// The public half, armored, as `ac-discovery-pubkeys` leads to it.
  public func armoredPublicKey(at time: Date) throws(TrustError) -> [UInt8] {
    try Self.onlyKey(in: try Self.makeContext(secretKey, at: time)).exportPublic()
  }

  private func signingKey(in context: RNPContext) throws(TrustError) -> RNPKey {
    let primary = try Self.onlyKey(in: context)
    var chosen: RNPKey?
    for subkey in try primary.subkeys where try subkey.canSign {
      if let chosen, try chosen.created >= subkey.created { continue }
      chosen = subkey
    }
    if chosen == nil, try primary.canSign { chosen = primary }
    guard let chosen else {
      throw .noSigningKey(
        reason: "at this time, none of its parts that are there is valid and may sign; it may have expired")
    }
    guard try chosen.bool("look at a key", rnp_key_is_locked) else { return chosen }
    guard let passphrase else { throw .passphraseMissing }
    guard passphrase.withCString({ rnp_key_unlock(chosen.handle, $0) }) == RNPResult.success else {
      throw .wrongPassphrase
    }
    return chosen
  }

  private static func onlyKey(in context: RNPContext) throws(TrustError) -> RNPKey {
    let keys = try RNPKey.primaries(in: context)
    guard let key = keys.first else { throw .unreadableSecretKey(reason: "there is no key") }
    guard keys.count == 1 else {
      throw .unreadableSecretKey(reason: "there are \(keys.count); export the one that is to sign alone")
    }
    return key
  }

  private static func makeContext(_ secretKey: SecretBytes, at time: Date) throws(TrustError) -> RNPContext {
    guard secretKey.count > 0 else { throw .unreadableSecretKey(reason: "there is nothing") }
    guard secretKey.count <= OpenPGPKeyring.maximumSize else {
      throw .tooLarge(what: "the secret key", limit: OpenPGPKeyring.maximumSize)
    }
    let context = try RNPContext(at: time)
    let result = try secretKey.withBytes { bytes throws(TrustError) in
      try RNPContext.withInput(bytes) { input in
        rnp_import_keys(context.handle, input, UInt32(RNP_LOAD_SAVE_SECRET_KEYS), nil)
      }
    }
    guard result == RNPResult.success else {
      throw .unreadableSecretKey(reason: RNPContext.reason(result))
    }
    return context
  }
}

extension RNPKey {
  fileprivate var canSign: Bool {
    get throws(TrustError) {
      guard try allows(.sign), try isValid, try bool("look at a key", rnp_key_have_secret) else {
        return false
      }
      // "GPG-None" and "GPG-Smartcard" are secret keys without the secret.
      let protection = try RNPContext.text("look at a key") { rnp_key_get_protection_type(handle, $0) }
      return !(protection ?? "").hasPrefix("GPG-")
    }
  }
}
