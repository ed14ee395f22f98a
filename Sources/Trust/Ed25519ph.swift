import CSodium

/// Ed25519 of a message's SHA-512 (RFC 8032, section 5.1), which swift-crypto leaves out; cosign signs with it by default
/// where a key is of Ed25519.
enum Ed25519ph {
  static func isValidSignature(_ signature: [UInt8], for message: [UInt8], key: [UInt8]) -> Bool {
    guard signature.count == crypto_sign_bytes(), key.count == crypto_sign_publickeybytes() else {
      return false
    }
    var state = crypto_sign_ed25519ph_state()
    guard crypto_sign_ed25519ph_init(&state) == 0,
      crypto_sign_ed25519ph_update(&state, message, UInt64(message.count)) == 0
    else { return false }
    return crypto_sign_ed25519ph_final_verify(&state, signature, key) == 0
  }
}
