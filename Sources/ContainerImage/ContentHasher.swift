import CLibcrypto
import Crypto

/// A running hash over content that arrives in pieces.
public struct ContentHasher: Sendable {
  public let algorithm: DigestAlgorithm
  // Two optionals rather than an enumeration: a hash is updated in place, where taking it out of an
  // enumeration's case would copy its context on every update.
  private var sha256: SHA256?
  private var sha512: LibcryptoSHA512?

  public init(_ algorithm: DigestAlgorithm) {
    self.algorithm = algorithm
    switch algorithm {
    case .sha256: sha256 = SHA256()
    case .sha512: sha512 = LibcryptoSHA512()
    }
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sha256?.update(bufferPointer: bytes)
    sha512?.update(bytes)
  }

  /// The digest of all that has been given so far; more may follow.
  public func digest() -> Digest {
    if let sha512 { return Digest(algorithm: .sha512, hash: sha512.hash) }
    return Digest(algorithm: .sha256, hash: (sha256 ?? SHA256()).finalize())
  }
}

/// SHA-512 by OpenSSL, which uses the processor's vector instructions for it, where swift-crypto does not: twice as fast.
private struct LibcryptoSHA512 {
  private var state = SHA512_CTX()

  init() { SHA512_Init(&state) }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    SHA512_Update(&state, bytes.baseAddress, bytes.count)
  }

  var hash: [UInt8] {
    var state = state
    return [UInt8](unsafeUninitializedCapacity: Int(SHA512_DIGEST_LENGTH)) { hash, count in
      SHA512_Final(hash.baseAddress, &state)
      count = Int(SHA512_DIGEST_LENGTH)
    }
  }
}

extension Digest {
  /// The digest of `bytes`.
  public init(_ algorithm: DigestAlgorithm = .sha256, hashing bytes: UnsafeRawBufferPointer) {
    var hasher = ContentHasher(algorithm)
    hasher.update(bytes)
    self = hasher.digest()
  }

  /// The digest of `bytes`.
  public init(_ algorithm: DigestAlgorithm = .sha256, hashing bytes: some ContiguousBytesSequence) {
    self = bytes.withContiguousBytes { Digest(algorithm, hashing: $0) }
  }
}

/// Bytes that lie in one piece of memory.
public protocol ContiguousBytesSequence {
  func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

extension [UInt8]: ContiguousBytesSequence {
  public func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes { body($0) }
  }
}
