import FoundationEssentials
import ImageTransfer
import Trust

#if canImport(Glibc)
  import Glibc
#endif

/// Files with secret keys, to sign with.
public enum SigningKeyFile {
  private static let largestPassphrase = 4096

  /// - Parameters:
  ///   - path: of what `gpg --export-secret-keys` writes.
  ///   - passphrase: asked only if the key is protected.
  /// - Throws: `TransferError`, `TrustError`
  public static func openPGP(
    _ path: String, passphrase: () throws -> SecretBytes, at time: Date
  ) throws -> OpenPGPSigner {
    let key = SecretBytes(try LocalFile.existing(path, atMost: OpenPGPKeyring.maximumSize))
    do {
      return try OpenPGPSigner(secretKey: key, passphrase: nil, at: time)
    } catch TrustError.passphraseMissing {
      return try OpenPGPSigner(secretKey: key, passphrase: try passphrase(), at: time)
    }
  }

  /// - Parameters:
  ///   - path: of `cosign.key`, or of a private key in PEM.
  ///   - passphrase: asked only if the key is protected.
  /// - Throws: `TransferError`, `TrustError`
  public static func key(_ path: String, passphrase: () throws -> SecretBytes) throws -> SigningKey {
    let bytes = try LocalFile.existing(path, atMost: CosignKeyFile.maximumSize)
    guard CosignKeyFile.isEncrypted(bytes) else { return try SigningKey(pem: SecretBytes(bytes)) }
    return try CosignKeyFile.read(bytes, passphrase: try passphrase())
  }

  /// - Parameter path: of a chain of certificates in PEM.
  /// - Throws: `TransferError`
  public static func certificates(_ path: String) throws -> [UInt8] {
    try LocalFile.existing(path, atMost: OpenPGPKeyring.maximumSize)
  }

  /// - Parameter path: of a file with one line.
  /// - Throws: `TransferError`
  public static func passphrase(_ path: String) throws -> SecretBytes {
    var bytes = try LocalFile.existing(path, atMost: largestPassphrase)
    while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return SecretBytes(bytes)
  }

  /// Makes a key like `cosign generate-key-pair`: `<prefix>.key`, which its owner alone may read, and `<prefix>.pub`.
  /// - Throws: `TransferError.exists` if one is there, `TrustError`
  public static func makePair(_ prefix: String, passphrase: SecretBytes) throws -> PublicKey {
    let key = try SigningKey()
    let secret = try CosignKeyFile.write(key, passphrase: passphrase)
    try create("\(prefix).key", secret, mode: 0o600)
    do {
      try create("\(prefix).pub", Array(key.publicKey.pem.utf8), mode: 0o644)
    } catch {
      unlink("\(prefix).key")
      throw error
    }
    return key.publicKey
  }

  private static func create(_ path: String, _ bytes: [UInt8], mode: mode_t) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw errno == EEXIST
        ? TransferError.exists("\(path) is there already") : LocalFile.failure("write \(path)")
    }
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { try LocalFile.write($0, to: descriptor, at: 0) }
    guard fsync(descriptor) == 0 else { throw LocalFile.failure("write \(path)") }
  }
}
