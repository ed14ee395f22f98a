import CSodium
import ContainerImage
import FoundationEssentials
import SwiftASN1

/// `cosign.key`: a private key in PKCS#8, under a passphrase, in JSON, in PEM. The passphrase goes through scrypt, and NaCl's
/// secretbox protects the key (go-securesystemslib, encrypted/encrypted.go).
public enum CosignKeyFile {
  /// Bytes of a file. RSA with 16384 bits needs 20 KiB.
  public static let maximumSize = 1 << 16

  private static let names = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"]
  /// scrypt's cost. Others are refused, as cosign does: a file could ask for more memory than there is. The largest
  /// takes 128 MiB.
  private static let costs: [Int64] = [1 << 15, 1 << 16, 1 << 17]

  /// Whether these bytes ask for a passphrase.
  public static func isEncrypted(_ file: [UInt8]) -> Bool {
    guard let documents = try? PEM.documents(file) else { return false }
    return documents.contains { names.contains($0.discriminator) }
  }

  /// - Throws: `TrustError.unreadableSigningKey`, `TrustError.wrongPassphrase`, `TrustError.tooLarge`
  public static func read(_ file: [UInt8], passphrase: SecretBytes) throws(TrustError) -> SigningKey {
    guard file.count <= maximumSize else { throw .tooLarge(what: "the private key", limit: maximumSize) }
    let documents: [PEMDocument]
    do { documents = try PEM.documents(file) } catch { throw .unreadableSigningKey(reason: "\(error)") }
    guard documents.count == 1, let document = documents.first, names.contains(document.discriminator) else {
      throw .unreadableSigningKey(reason: "it is not one '\(names[0])' in PEM")
    }
    let sealed: Sealed
    do { sealed = try Sealed(document.derBytes) } catch { throw .unreadableSigningKey(reason: "\(error)") }
    var boxKey = try key(of: passphrase, salt: sealed.salt, cost: sealed.cost)
    var opened = [UInt8](repeating: 0, count: sealed.box.count - Int(crypto_secretbox_macbytes()))
    defer {
      sodium_memzero(&boxKey, boxKey.count)
      sodium_memzero(&opened, opened.count)
    }
    guard
      crypto_secretbox_open_easy(&opened, sealed.box, UInt64(sealed.box.count), sealed.nonce, boxKey) == 0
    else { throw .wrongPassphrase }
    return try SigningKey(pkcs8: SecretBytes(opened))
  }

  /// - Returns: the file. Its public half is `publicKey.pem`, which cosign keeps in `cosign.pub`.
  /// - Throws: `TrustError.failed`
  public static func write(_ key: SigningKey, passphrase: SecretBytes) throws(TrustError) -> [UInt8] {
    var salt = [UInt8](repeating: 0, count: 32)
    var nonce = [UInt8](repeating: 0, count: crypto_secretbox_noncebytes())
    randombytes_buf(&salt, salt.count)
    randombytes_buf(&nonce, nonce.count)
    var boxKey = try Self.key(of: passphrase, salt: salt, cost: 1 << 16)
    defer { sodium_memzero(&boxKey, boxKey.count) }
    let plain = key.pkcs8
    var box = [UInt8](repeating: 0, count: plain.count + Int(crypto_secretbox_macbytes()))
    let result: Int32 = plain.withBytes { plain in
      guard let start = plain.bindMemory(to: UInt8.self).baseAddress else { return -1 }
      return crypto_secretbox_easy(&box, start, UInt64(plain.count), nonce, boxKey)
    }
    guard result == 0 else { throw .failed(operation: "protect the private key", reason: "libsodium failed") }
    let json = """
      {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":"\(Data(salt).base64EncodedString())"},\
      "cipher":{"name":"nacl/secretbox","nonce":"\(Data(nonce).base64EncodedString())"},\
      "ciphertext":"\(Data(box).base64EncodedString())"}
      """
    return Array((PEMDocument(type: names[0], derBytes: Array(json.utf8)).pemString + "\n").utf8)
  }

  private static func key(
    of passphrase: SecretBytes, salt: [UInt8], cost: Int64
  ) throws(TrustError) -> [UInt8] {
    var key = [UInt8](repeating: 0, count: crypto_secretbox_keybytes())
    let result: Int32 = passphrase.withBytes { passphrase in
      guard let start = passphrase.bindMemory(to: UInt8.self).baseAddress else { return -1 }
      return crypto_pwhash_scryptsalsa208sha256_ll(
        start, passphrase.count, salt, salt.count, UInt64(cost), 8, 1, &key, key.count)
    }
    guard result == 0 else {
      throw .failed(operation: "derive a key from the passphrase", reason: "there is not enough memory")
    }
    return key
  }

  private struct Sealed {
    let salt: [UInt8]
    let cost: Int64
    let nonce: [UInt8]
    let box: [UInt8]

    init(_ bytes: [UInt8]) throws(Refusal) {
      let document = try OrderedJSON(signed: bytes, what: "it")
      let (derivation, cipher) = (try document.object("kdf"), try document.object("cipher"))
      let parameters = try derivation.object("params")
      guard try derivation.text("name") == "scrypt", try cipher.text("name") == "nacl/secretbox" else {
        throw Refusal("it is protected by another method than scrypt and NaCl's secretbox")
      }
      cost = try parameters.number("N")
      guard costs.contains(cost), try parameters.number("r") == 8, try parameters.number("p") == 1 else {
        throw Refusal("its parameters of scrypt are none that cosign uses")
      }
      salt = try derivation.bytes("salt")
      nonce = try cipher.bytes("nonce")
      box = try document.bytes("ciphertext")
      guard nonce.count == crypto_secretbox_noncebytes(), box.count > crypto_secretbox_macbytes() else {
        throw Refusal("it is truncated")
      }
    }
  }
}
