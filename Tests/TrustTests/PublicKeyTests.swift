import Foundation
import Testing
import Trust

@Suite struct PublicKeyTests {
  struct Material: Decodable {
    let message: Data
    let keys: [Key]
    let refused: [Refused]

    struct Key: Decodable {
      let name: String
      let pem: Data
      let der: Data
      let pkcs1: Data?
      let keyID: String
      let signatures: [Signature]
    }

    struct Signature: Decodable {
      let scheme: String
      let signature: Data
    }

    struct Refused: Decodable {
      let name: String
      let der: Data
    }

    static let made = Result { try PythonMaterial.make(Material.self, by: "public_keys") }
  }

  /// Under the names that the script gives them; SHA-1 has none here.
  static let schemes: [String: SignatureScheme] = {
    var schemes: [String: SignatureScheme] = ["ed25519": .ed25519, "ed25519ph": .ed25519ph]
    for (name, hash) in [("sha256", .sha256), ("sha384", .sha384), ("sha512", .sha512)]
      as [(String, SignatureScheme.SignatureHash)]
    {
      schemes["ecdsa-" + name] = .ecdsa(hash, .der)
      schemes["ecdsa-raw-" + name] = .ecdsa(hash, .raw)
      schemes["rsa-pkcs1-" + name] = .rsaPKCS1(hash)
      schemes["rsa-pss-" + name] = .rsaPSS(hash)
    }
    return schemes
  }()

  @Test func everySignatureIsGoodByItsOwnSchemeOnly() throws {
    let material = try Material.made.get()
    var good = 0
    for made in material.keys {
      let key = try PublicKey(parsing: [UInt8](made.pem))
      for signature in made.signatures {
        for (name, scheme) in Self.schemes {
          let isGood = key.isValidSignature(signature.signature, for: material.message, by: scheme)
          #expect(isGood == (name == signature.scheme), "\(made.name): \(signature.scheme) taken for \(name)")
          good += isGood ? 1 : 0
        }
        for other in material.keys where other.name != made.name {
          let key = try PublicKey(der: [UInt8](other.der))
          for scheme in Self.schemes.values {
            #expect(!key.isValidSignature(signature.signature, for: material.message, by: scheme))
          }
        }
      }
    }
    #expect(good == 3 * 6 + 2 + 2 * 6)
  }

  @Test func changedMessagesAndSignaturesAreBad() throws {
    let material = try Material.made.get()
    var changed = material.message
    changed[0] ^= 1
    for made in material.keys {
      let key = try PublicKey(der: [UInt8](made.der))
      for signature in made.signatures {
        guard let scheme = Self.schemes[signature.scheme] else { continue }
        #expect(!key.isValidSignature(signature.signature, for: changed, by: scheme))
        for position in stride(from: 0, to: signature.signature.count, by: 5) {
          var other = signature.signature
          other[position] ^= 0x10
          #expect(!key.isValidSignature(other, for: material.message, by: scheme))
        }
        let shortened = signature.signature.dropLast()
        #expect(!key.isValidSignature(shortened, for: material.message, by: scheme))
        #expect(!key.isValidSignature(signature.signature + [0], for: material.message, by: scheme))
        #expect(!key.isValidSignature([UInt8](), for: material.message, by: scheme))
      }
    }
  }

  @Test func aKeyIsReadInEveryForm() throws {
    for made in try Material.made.get().keys {
      let key = try PublicKey(parsing: [UInt8](made.pem))
      #expect(key == (try PublicKey(parsing: [UInt8](made.der))))
      #expect(key.der == [UInt8](made.der))
      #expect(key.keyID == made.keyID)
      #expect(key.pem == String(decoding: made.pem, as: UTF8.self))
      if let pkcs1 = made.pkcs1 { #expect(key == (try PublicKey(parsing: [UInt8](pkcs1)))) }
      let algorithm = key.algorithm.rawValue
      #expect(algorithm.hasSuffix(made.name) || algorithm == "RSA" && made.name.hasPrefix("RSA-"))
    }
  }

  @Test func whatIsNoKeyIsRefused() throws {
    let material = try Material.made.get()
    for refused in material.refused {
      #expect(throws: TrustError.self) { try PublicKey(der: [UInt8](refused.der)) }
    }
    let pem = [UInt8](material.keys[0].pem)
    let certificate = String(decoding: pem, as: UTF8.self).replacing("PUBLIC KEY", with: "CERTIFICATE")
    let bad: [[UInt8]] = [
      [], [0x30], Array("a key".utf8), pem + pem, Array(certificate.utf8), Array(pem.dropLast(30)),
      [UInt8](material.keys[0].der) + [0], [UInt8](material.keys[0].der.dropLast()),
      [UInt8](repeating: 0x20, count: PublicKey.maximumSize + 1),
    ]
    for bytes in bad {
      #expect(throws: TrustError.self) { try PublicKey(parsing: bytes) }
    }
  }
}
