import ContainerImage
import SwiftASN1

/// What was signed, how and by whom: what an entry of a log has to be about.
struct SignedContent {
  enum Kind {
    case message
    /// The message is the encoding of an envelope's payload.
    case envelope(payload: [UInt8])
  }

  let kind: Kind
  /// The bytes that the signature is over.
  let message: [UInt8]
  let signature: [UInt8]
}

/// An entry's body: one of the kinds that Rekor has (rekor, pkg/types/…/v…/…_schema.json; protobuf-specs,
/// rekor/v2/….proto).
struct LoggedContent {
  let kind: String
  let version: String
  private let hash: Hash
  private let signature: [UInt8]
  /// A public key's or a certificate's DER.
  private let verifier: [UInt8]

  private enum Hash {
    case message(NamedHash)
    case payload(NamedHash)
  }

  private struct NamedHash {
    let algorithm: SignatureScheme.SignatureHash
    let value: [UInt8]

    func isHash(of bytes: [UInt8]) -> Bool { algorithm.digest(of: bytes) == value }
  }

  init(parsing body: [UInt8]) throws(Refusal) {
    let document = try OrderedJSON(signed: body, what: "its log entry")
    (kind, version) = (try document.text("kind"), try document.text("apiVersion"))
    let spec = try document.object("spec")
    switch (kind, version) {
    case ("hashedrekord", "0.0.1"):
      hash = .message(try Self.hash(try spec.object("data").object("hash")))
      let signed = try spec.object("signature")
      signature = try signed.bytes("content")
      verifier = try Self.der(pem: try signed.object("publicKey").bytes("content"))
    case ("dsse", "0.0.1"):
      hash = .payload(try Self.hash(try spec.object("payloadHash")))
      let signed = try Self.only(try spec.list("signatures"))
      signature = try signed.bytes("signature")
      verifier = try Self.der(pem: try signed.bytes("verifier"))
    case ("intoto", "0.0.2"):
      let content = try spec.object("content")
      hash = .payload(try Self.hash(try content.object("payloadHash")))
      let signed = try Self.only(try content.object("envelope").list("signatures"))
      // In base64 twice: the envelope's text, as bytes.
      let text = String(decoding: try signed.bytes("sig"), as: UTF8.self)
      guard let bytes = StrictBase64.decode(text) else {
        throw Refusal("its log entry's signature cannot be read")
      }
      signature = bytes
      verifier = try Self.der(pem: try signed.bytes("publicKey"))
    case ("hashedrekord", "0.0.2"):
      let record = try spec.object("hashedRekordV002")
      hash = .message(try Self.newerHash(try record.object("data")))
      (signature, verifier) = try Self.newerSignature(try record.object("signature"))
    case ("dsse", "0.0.2"):
      let record = try spec.object("dsseV002")
      hash = .payload(try Self.newerHash(try record.object("payloadHash")))
      (signature, verifier) = try Self.newerSignature(try Self.only(try record.list("signatures")))
    default:
      throw Refusal("its log entry is of the unknown kind \("\(kind) \(version)".quotedForMessage)")
    }
  }

  /// - Parameter verifier: the DER of the key or the certificate that verified the signature.
  func check(isAbout content: SignedContent, verifier: [UInt8]) throws(Refusal) {
    guard signature == content.signature else { throw Refusal("its log entry is about another signature") }
    guard self.verifier == verifier else { throw Refusal("its log entry is about another key") }
    let matches: Bool =
      switch (hash, content.kind) {
      case (.message(let hash), _): hash.isHash(of: content.message)
      case (.payload(let hash), .envelope(let payload)): hash.isHash(of: payload)
      case (.payload, .message): false
      }
    guard matches else { throw Refusal("its log entry is about other content") }
  }

  private static func hash(_ hash: OrderedJSON) throws(Refusal) -> NamedHash {
    let names: [String: SignatureScheme.SignatureHash] = [
      "sha256": .sha256, "sha384": .sha384, "sha512": .sha512,
    ]
    guard let algorithm = names[try hash.text("algorithm")],
      let value = TransparencyLogEntry.bytes(hexadecimal: try hash.text("value"))
    else { throw Refusal("its log entry's hash cannot be read") }
    return NamedHash(algorithm: algorithm, value: value)
  }

  private static func newerHash(_ hash: OrderedJSON) throws(Refusal) -> NamedHash {
    let names: [String: SignatureScheme.SignatureHash] = [
      "SHA2_256": .sha256, "SHA2_384": .sha384, "SHA2_512": .sha512,
    ]
    guard let algorithm = names[try hash.text("algorithm")] else {
      throw Refusal("its log entry's hash cannot be read")
    }
    return NamedHash(algorithm: algorithm, value: try hash.bytes("digest"))
  }

  private static func newerSignature(_ signature: OrderedJSON) throws(Refusal) -> ([UInt8], [UInt8]) {
    let verifier = try signature.object("verifier")
    let isCertificate = verifier.member("x509Certificate") != nil
    let key = try verifier.object(isCertificate ? "x509Certificate" : "publicKey")
    return (try signature.bytes("content"), try key.bytes("rawBytes"))
  }

  private static func only(_ list: [OrderedJSON]) throws(Refusal) -> OrderedJSON {
    guard list.count == 1, let only = list.first else {
      throw Refusal("its log entry has \(list.count) signatures, not one")
    }
    return only
  }

  private static func der(pem: [UInt8]) throws(Refusal) -> [UInt8] {
    guard let documents = try? PEM.documents(pem), documents.count == 1, let document = documents.first else {
      throw Refusal("its log entry's key cannot be read")
    }
    return document.derBytes
  }
}
