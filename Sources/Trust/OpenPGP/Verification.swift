import CRnp
import FoundationEssentials

/// One run of librnp over signed content, and what follows from what it says.
final class Verification {
  private let operation: OpaquePointer?
  private let context: RNPContext

  /// - Parameter operation: is this object's from now on.
  init(_ operation: OpaquePointer?, _ context: RNPContext) {
    self.operation = operation
    self.context = context
  }

  deinit { rnp_op_verify_destroy(operation) }

  /// - Parameter contentLimit: of a message, whose content goes to an output with this limit.
  func run(contentLimit: Int? = nil) throws(TrustError) -> OpenPGPVerdict {
    let result = rnp_op_verify_execute(operation)
    if let contentLimit, result == RNPResult.cannotWrite {
      throw .tooLarge(what: "the signed message's content", limit: contentLimit)
    }
    var count = 0
    try RNPContext.check(rnp_op_verify_get_signature_count(operation, &count), "verify a signature")
    // In all other cases the library did not come to judge the signatures over the whole content.
    guard result == RNPResult.success || result == RNPResult.signatureInvalid else {
      return .bad([.malformed(RNPContext.reason(result))])
    }
    guard count > 0 else { return .bad([.noSignature]) }
    var refusals: [OpenPGPRefusal] = []
    for index in 0..<count {
      var signature: OpaquePointer?
      try RNPContext.check(rnp_op_verify_get_signature_at(operation, index, &signature), "verify a signature")
      switch try judge(signature) {
      case .good(let good) where result == RNPResult.success: return .good(good)
      // It is of an inner layer of the message, and an outer one's do not hold.
      case .good(let good): refusals.append(.wrongSignature(by: good.fingerprint))
      case .refused(let refusal): refusals.append(refusal)
      }
    }
    return .bad(refusals)
  }

  private enum Judgment {
    case good(OpenPGPSignature)
    case refused(OpenPGPRefusal)
  }

  /// Those that SHA-1, MD5 and whatever else there is are not among.
  private static let hashAlgorithms: Set = ["SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512"]

  /// librnp says of a signature that is not good little more than that; the reason is found here. It does not look at
  /// what a key may be used for either, nor at whether the key is valid now.
  private func judge(
    _ signature: OpaquePointer?
  ) throws(TrustError) -> Judgment {
    let status = rnp_op_verify_signature_get_status(signature)
    guard status != RNPResult.signatureUnknown else {
      return .refused(.malformed("it is of an unknown kind"))
    }
    let details = try SignatureDetails(signature)
    guard details.type == "binary" else {
      return .refused(details.type == "text" ? .signedAsText : .malformed("it is not one of content"))
    }
    guard Self.hashAlgorithms.contains(details.hash) else { return .refused(.weakAlgorithm(details.hash)) }
    // Looked for as the library does, so that it is the key that the library verified with.
    let found =
      if let fingerprint = details.signer {
        try RNPKey.find("fingerprint", fingerprint, in: context)
      } else {
        try details.keyID.flatMap { keyID throws(TrustError) in try RNPKey.find("keyid", keyID, in: context) }
      }
    guard let key = found, status != RNPResult.keyNotFound else {
      return .refused(.unknownKey(details.keyID.map { OpenPGPKeyID(lowerCase: $0.lowercased()) }))
    }
    let fingerprint = try key.fingerprint
    guard let primary = try key.primary else { return .refused(.uncertifiedKey(fingerprint)) }
    if try key.isRevoked { return .refused(.revokedKey(fingerprint)) }
    if try primary.isRevoked { return .refused(.revokedKey(try primary.fingerprint)) }
    guard try key.wasEverValid else { return .refused(.uncertifiedKey(fingerprint)) }
    guard try key.allows(.sign) else { return .refused(.notASigningKey(fingerprint)) }
    let keyExpires = [try key.expires, try primary.expires].compactMap { $0 }.min()
    let isGood = status == RNPResult.success
    if let keyExpires, keyExpires <= (isGood ? context.now : details.created) {
      return .refused(
        .expiredKey(fingerprint, expired: Date(openPGP: keyExpires), validWhenSigned: isGood))
    }
    let signed = Date(openPGP: UInt64(details.created))
    switch status {
    case RNPResult.success:
      let ends = [keyExpires, details.expires].compactMap { $0 }
      return .good(
        OpenPGPSignature(
          fingerprint: fingerprint, primaryFingerprint: try primary.fingerprint,
          userIDs: try primary.userIDs, signedAt: signed, validUntil: ends.min().map(Date.init(openPGP:))))
    case RNPResult.signatureExpired where details.created > context.now:
      return .refused(.signedInTheFuture(by: fingerprint, signed: signed))
    case RNPResult.signatureExpired:
      let expired = Date(openPGP: details.expires ?? UInt64(details.created))
      return .refused(.expiredSignature(by: fingerprint, expired: expired))
    default: return .refused(.wrongSignature(by: fingerprint))
    }
  }
}

/// What a signature says of itself.
private struct SignatureDetails {
  /// librnp's words: `binary` and `text` are those of content.
  let type: String
  let hash: String
  /// The fingerprint of the key, if it has it.
  let signer: String?
  let keyID: String?
  /// Seconds since 1970.
  let created: UInt32
  /// Seconds since 1970; nil if it does not expire.
  let expires: UInt64?

  init(_ signature: OpaquePointer?) throws(TrustError) {
    let operation = "look at a signature"
    var handle: OpaquePointer?
    try RNPContext.check(rnp_op_verify_signature_get_handle(signature, &handle), operation)
    defer { rnp_signature_handle_destroy(handle) }
    type = try RNPContext.text(operation) { rnp_signature_get_type(handle, $0) } ?? ""
    hash = try RNPContext.text(operation) { rnp_signature_get_hash_alg(handle, $0) } ?? "unknown"
    signer = try RNPContext.text(operation) { rnp_signature_get_key_fprint(handle, $0) }
    keyID = try RNPContext.text(operation) { rnp_signature_get_keyid(handle, $0) }
    var created: UInt32 = 0
    var lifetime: UInt32 = 0
    try RNPContext.check(rnp_op_verify_signature_get_times(signature, &created, &lifetime), operation)
    self.created = created
    expires = lifetime == 0 ? nil : UInt64(created) + UInt64(lifetime)
  }
}
