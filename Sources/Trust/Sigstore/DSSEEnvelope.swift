import ContainerImage
import FoundationEssentials

/// A statement with its signature (DSSE, protocol.md and envelope.md). There is exactly one signature, as in every Sigstore
/// bundle, and in what cosign makes.
struct DSSEEnvelope {
  static let mediaType = "application/vnd.in-toto+json"

  let payload: [UInt8]
  let payloadType: String
  let signature: [UInt8]

  init(_ envelope: OrderedJSON) throws(Refusal) {
    payload = try envelope.bytes("payload")
    payloadType = try envelope.text("payloadType")
    let signatures = try envelope.list("signatures")
    guard signatures.count == 1, let only = signatures.first else {
      throw Refusal("its envelope has \(signatures.count) signatures, not one")
    }
    signature = try only.bytes("sig")
  }

  /// - Parameter bytes: JSON.
  init(parsing bytes: [UInt8]) throws(Refusal) {
    try self.init(try OrderedJSON(signed: bytes, what: "its envelope"))
  }

  func statement() throws(Refusal) -> InTotoStatement {
    guard payloadType == Self.mediaType else {
      throw Refusal("its envelope holds a \(payloadType.quotedForMessage), which is not known")
    }
    return try InTotoStatement(parsing: payload)
  }

  var content: SignedContent {
    SignedContent(
      kind: .envelope(payload: payload),
      message: Self.signedBytes(payloadType: payloadType, payload: payload), signature: signature)
  }

  /// - Returns: the envelope, in JSON.
  /// - Throws: `TrustError.failed`
  static func sign(_ payload: [UInt8], type: String, by key: SigningKey) throws(TrustError) -> [UInt8] {
    Array(try document(payload, type: type, keyID: key.publicKey.keyID, by: key).line.utf8)
  }

  /// - Parameter keyID: helps readers to find the key; nil to leave it out.
  static func document(
    _ payload: [UInt8], type: String, keyID: String?, by key: SigningKey
  ) throws(TrustError) -> OrderedJSON {
    let signature = try key.sign(
      signedBytes(payloadType: type, payload: payload), by: key.scheme(ed25519: .ed25519))
    var signed = OrderedJSON.object([])
    if let keyID { signed["keyid"] = .string(keyID) }
    signed["sig"] = .string(Data(signature).base64EncodedString())
    return .object([
      .init(name: "payload", value: .string(Data(payload).base64EncodedString())),
      .init(name: "payloadType", value: .string(type)),
      .init(name: "signatures", value: .array([signed])),
    ])
  }

  /// What is signed: PAE of type and payload.
  static func signedBytes(payloadType: String, payload: [UInt8]) -> [UInt8] {
    Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8) + payload
  }
}

/// What somebody says of an image (in-toto, spec/v1/statement.md, and its forerunner v0.1).
struct InTotoStatement {
  private static let types = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"]
  private static let maximumSubjects = 1024

  let predicateType: String
  /// All digests of what it speaks of, that are of a known algorithm.
  let subjects: [Digest]
  private let names: [Digest: String]

  init(parsing bytes: [UInt8]) throws(Refusal) {
    let document = try OrderedJSON(signed: bytes, what: "its statement")
    let type = try document.text("_type")
    guard Self.types.contains(type) else {
      throw Refusal("its statement is of the unknown type \(type.quotedForMessage)")
    }
    predicateType = try document.text("predicateType")
    let resources = try document.list("subject")
    guard resources.count <= Self.maximumSubjects else {
      throw Refusal("its statement has more than \(Self.maximumSubjects) subjects")
    }
    var subjects: [Digest] = []
    var names: [Digest: String] = [:]
    for resource in resources {
      for hash in try resource.object("digest").members {
        guard let encoded = hash.value.string else {
          throw Refusal("its statement has a digest that is no string")
        }
        guard let digest = try? Digest(parsing: "\(hash.name):\(encoded)") else { continue }
        subjects.append(digest)
        names[digest] = resource.member("name")?.string
      }
    }
    self.subjects = subjects
    self.names = names
  }

  /// What it calls the image with the digest, if that is an image's name. cosign writes the repository.
  func reference(of digest: Digest) -> ImageReference? {
    names[digest].flatMap { try? ImageReference(parsing: $0) }
  }

  /// A plain signature of one image, as cosign writes it.
  static func signature(of digest: Digest) -> [UInt8] {
    let subject = OrderedJSON.object([
      .init(
        name: "digest",
        value: .object([.init(name: digest.algorithm.rawValue, value: .string(String(digest.encoded)))]))
    ])
    let statement = OrderedJSON.object([
      .init(name: "_type", value: .string(types[0])),
      .init(name: "subject", value: .array([subject])),
      .init(name: "predicateType", value: .string(SigstoreFinding.signaturePredicate)),
      .init(name: "predicate", value: .object([])),
    ])
    return Array(statement.line.utf8)
  }
}
