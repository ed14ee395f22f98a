import CRnp
import FoundationEssentials

extension OpenPGPKeyring {
  /// Bytes of a detached signature that are read at once; one has some hundred.
  public static let maximumSignatureSize = 64 << 10

  /// Verifies a detached signature (RFC 4880, section 11.4).
  ///
  /// If the file has several signatures, one good one by a key of the keyring is enough. (rkt looks at the first alone.)
  /// - Parameters:
  ///   - signature: armored or binary, at most `maximumSignatureSize`.
  ///   - content: puts the next bytes at the buffer's start and returns how many; 0 only at the end. It is read to its
  ///     end once, unless the signature cannot be read anyway.
  ///   - time: the present.
  /// - Throws: `TrustError`, and what `content` throws.
  public func verify(
    _ signature: [UInt8], of content: (UnsafeMutableRawBufferPointer) throws -> Int, at time: Date
  ) throws -> OpenPGPVerdict {
    guard signature.count <= Self.maximumSignatureSize else {
      throw TrustError.tooLarge(what: "the signature", limit: Self.maximumSignatureSize)
    }
    guard signature.contains(where: { !$0.isSpace }) else { return .bad([.noSignature]) }
    let context = try makeContext(at: time)
    return try signature.withUnsafeBytes { signature in
      try ContentFeed.withInput(content) { content throws(TrustError) in
        try RNPContext.withInput(signature) { signature throws(TrustError) in
          var operation: OpaquePointer?
          try RNPContext.check(
            rnp_op_verify_detached_create(&operation, context.handle, content, signature),
            "verify a signature")
          return try Verification(operation, context).run()
        }
      }
    }
  }

  /// A signed message, which has its content in it (RFC 4880, section 11.3), such as `gpg --sign` makes. Neither
  /// encrypted nor cleartext-signed ones are accepted.
  public enum Message: Sendable, Hashable {
    /// The content is what was signed.
    case good(content: [UInt8], OpenPGPSignature)
    case bad([OpenPGPRefusal])
  }

  /// Verifies a signed message. What holds for detached signatures holds here.
  /// - Parameters:
  ///   - message: armored or binary, and compressed or not.
  ///   - limit: bytes, of the message and of its content.
  public func verify(message: [UInt8], atMost limit: Int, at time: Date) throws(TrustError) -> Message {
    try Self.verify(message, atMost: limit, in: try makeContext(at: time))
  }

  /// Verifies several, each by itself, in less time: the keys are loaded once.
  func verify(
    messages: some Sequence<[UInt8]>, atMost limit: Int, at time: Date
  ) throws(TrustError) -> [Result<Message, TrustError>] {
    let context = try makeContext(at: time)
    return messages.map { message in
      Result { () throws(TrustError) in try Self.verify(message, atMost: limit, in: context) }
    }
  }

  private static func verify(
    _ message: [UInt8], atMost limit: Int, in context: RNPContext
  ) throws(TrustError) -> Message {
    guard message.count <= limit else { throw .tooLarge(what: "the signed message", limit: limit) }
    guard message.contains(where: { !$0.isSpace }) else { return .bad([.noSignature]) }
    guard !message.isCleartextSigned else {
      return .bad([.malformed("it is a cleartext-signed message, not one that 'gpg --sign' makes")])
    }
    var verdict: OpenPGPVerdict?
    let content = try Result { () throws(TrustError) in
      try RNPContext.collect(atMost: limit) { output throws(TrustError) in
        let verified = message.withUnsafeBytes { message in
          Result { () throws(TrustError) in
            try RNPContext.withInput(message) { message throws(TrustError) in
              var operation: OpaquePointer?
              try RNPContext.check(
                rnp_op_verify_create(&operation, context.handle, message, output), "verify a message")
              return try Verification(operation, context).run(contentLimit: limit)
            }
          }
        }
        verdict = try verified.get()
      }
    }.get()
    switch verdict {
    case .good(let signature): return .good(content: content, signature)
    case .bad(let refusals): return .bad(refusals)
    case nil: return .bad([.noSignature])
    }
  }
}

extension UInt8 {
  fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }
}

extension [UInt8] {
  /// Binary OpenPGP begins with a byte of 128 or more; in a text, the library looks for this line near the start.
  fileprivate var isCleartextSigned: Bool {
    guard let first, first < 0x80 else { return false }
    return String(decoding: prefix(4 << 10), as: UTF8.self).contains("-----BEGIN PGP SIGNED MESSAGE-----")
  }
}
