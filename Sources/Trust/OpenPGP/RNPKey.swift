import CRnp
import FoundationEssentials

/// A key in a context: a primary one or a subkey.
final class RNPKey {
  let handle: OpaquePointer
  private let context: RNPContext

  private init(_ handle: OpaquePointer, _ context: RNPContext) {
    self.handle = handle
    self.context = context
  }

  deinit { rnp_key_handle_destroy(handle) }

  /// - Parameter kind: `fingerprint` or `keyid`.
  /// - Returns: nil if there is none.
  static func find(_ kind: String, _ identifier: String, in context: RNPContext) throws(TrustError) -> RNPKey?
  {
    var handle: OpaquePointer?
    try RNPContext.check(rnp_locate_key(context.handle, kind, identifier, &handle), "find a key")
    return handle.map { RNPKey($0, context) }
  }

  /// All primary keys, in the order of their loading.
  static func primaries(in context: RNPContext) throws(TrustError) -> [RNPKey] {
    var iterator: OpaquePointer?
    try RNPContext.check(
      rnp_identifier_iterator_create(context.handle, &iterator, "fingerprint"), "list keys")
    defer { rnp_identifier_iterator_destroy(iterator) }
    var keys: [RNPKey] = []
    while true {
      var identifier: UnsafePointer<CChar>?
      try RNPContext.check(rnp_identifier_iterator_next(iterator, &identifier), "list keys")
      guard let identifier else { return keys }
      guard let key = try find("fingerprint", String(cString: identifier), in: context) else { continue }
      if try key.bool("look at a key", rnp_key_is_primary) { keys.append(key) }
    }
  }

  var subkeys: [RNPKey] {
    get throws(TrustError) {
      var count = 0
      try RNPContext.check(rnp_key_get_subkey_count(handle, &count), "list subkeys")
      var subkeys: [RNPKey] = []
      for index in 0..<count {
        var subkey: OpaquePointer?
        try RNPContext.check(rnp_key_get_subkey_at(handle, index, &subkey), "list subkeys")
        if let subkey { subkeys.append(RNPKey(subkey, context)) }
      }
      return subkeys
    }
  }

  /// Itself, if it is the primary key; nil for a subkey whose key is missing.
  var primary: RNPKey? {
    get throws(TrustError) {
      if try bool("look at a key", rnp_key_is_primary) { return self }
      let fingerprint = try RNPContext.text("look at a key") { rnp_key_get_primary_fprint(handle, $0) }
      guard let fingerprint else { return nil }
      return try Self.find("fingerprint", fingerprint, in: context)
    }
  }

  var fingerprint: OpenPGPFingerprint {
    get throws(TrustError) {
      let text = try RNPContext.text("look at a key") { rnp_key_get_fprint(handle, $0) } ?? ""
      do {
        return try OpenPGPFingerprint(parsing: text)
      } catch {
        // Versions 2 and 3 have fingerprints of MD5.
        throw .unreadableKeys(reason: "there is one of a version other than 4")
      }
    }
  }

  var userIDs: [String] {
    get throws(TrustError) {
      var count = 0
      try RNPContext.check(rnp_key_get_uid_count(handle, &count), "list user IDs")
      var names: [String] = []
      for index in 0..<count {
        var user: OpaquePointer?
        try RNPContext.check(rnp_key_get_uid_handle_at(handle, index, &user), "list user IDs")
        defer { rnp_uid_handle_destroy(user) }
        var type: UInt32 = 0
        var isValid = false
        try RNPContext.check(rnp_uid_get_type(user, &type), "list user IDs")
        try RNPContext.check(rnp_uid_is_valid(user, &isValid), "list user IDs")
        guard isValid, type == UInt32(RNP_USER_ID) else { continue }
        if let name = try RNPContext.text("list user IDs", { rnp_key_get_uid_at(handle, index, $0) }) {
          names.append(name)
        }
      }
      return names
    }
  }

  var created: UInt32 { get throws(TrustError) { try number(rnp_key_get_creation) } }

  /// When it expires, in seconds since 1970; nil if it does not.
  var expires: UInt64? {
    get throws(TrustError) {
      let lifetime = try number(rnp_key_get_expiration)
      return lifetime == 0 ? nil : UInt64(try created) + UInt64(lifetime)
    }
  }

  var isRevoked: Bool { get throws(TrustError) { try bool("look at a key", rnp_key_is_revoked) } }

  /// Whether it is certified, and neither expired nor revoked.
  var isValid: Bool { get throws(TrustError) { try bool("look at a key", rnp_key_is_valid) } }

  /// Whether it was valid at any time: not so if nothing certifies it.
  var wasEverValid: Bool {
    get throws(TrustError) {
      var end: UInt64 = 0
      try RNPContext.check(rnp_key_valid_till64(handle, &end), "look at a key")
      return end != 0
    }
  }

  func allows(_ usage: OpenPGPKey.Usage) throws(TrustError) -> Bool {
    try bool("look at a key") { rnp_key_allows_usage($0, usage.rawValue, $1) }
  }

  func bool(
    _ operation: String, _ call: (OpaquePointer?, UnsafeMutablePointer<Bool>?) -> rnp_result_t
  ) throws(TrustError) -> Bool {
    var value = false
    try RNPContext.check(call(handle, &value), operation)
    return value
  }

  private func number(
    _ call: (OpaquePointer?, UnsafeMutablePointer<UInt32>?) -> rnp_result_t
  ) throws(TrustError) -> UInt32 {
    var value: UInt32 = 0
    try RNPContext.check(call(handle, &value), "look at a key")
    return value
  }

  /// The key with its subkeys and user IDs, armored.
  func exportPublic() throws(TrustError) -> [UInt8] {
    try RNPContext.collect(atMost: 0) { output throws(TrustError) in
      try RNPContext.check(rnp_key_export(handle, output, kontor_rnp_export_public), "export a public key")
    }
  }
}

extension OpenPGPKey {
  init(_ key: RNPKey) throws(TrustError) {
    primary = try Part(key)
    userIDs = try key.userIDs
    var subkeys: [Part] = []
    for subkey in try key.subkeys { subkeys.append(try Part(subkey)) }
    self.subkeys = subkeys
  }
}

extension OpenPGPKey.Part {
  init(_ key: RNPKey) throws(TrustError) {
    fingerprint = try key.fingerprint
    algorithm = try key.algorithm
    var usage: Set<OpenPGPKey.Usage> = []
    for one in OpenPGPKey.Usage.allCases where try key.allows(one) { usage.insert(one) }
    self.usage = usage
    created = Date(openPGP: UInt64(try key.created))
    expires = try key.expires.map(Date.init(openPGP:))
    isRevoked = try key.isRevoked
  }
}

extension RNPKey {
  fileprivate var algorithm: String {
    get throws(TrustError) {
      let name = try RNPContext.text("look at a key") { rnp_key_get_alg(handle, $0) } ?? "unknown"
      var curve: UnsafeMutablePointer<CChar>?
      defer { rnp_buffer_destroy(curve) }
      if rnp_key_get_curve(handle, &curve) == RNPResult.success, let curve {
        return "\(name) \(String(cString: curve))"
      }
      return "\(name) \(try number(rnp_key_get_bits))"
    }
  }
}

extension Date {
  /// - Parameter seconds: since 1970.
  init(openPGP seconds: UInt64) { self.init(timeIntervalSince1970: Double(seconds)) }
}
