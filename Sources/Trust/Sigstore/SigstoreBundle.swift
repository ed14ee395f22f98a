import ContainerImage
import X509

/// A signature with all that it takes to verify it offline (protobuf-specs, sigstore_bundle.proto), in versions 0.1 to 0.3.
struct SigstoreBundle {
  /// Entries of logs, and timestamps.
  private static let maximumProofs = 32

  enum Content {
    case message(signature: [UInt8])
    case envelope(DSSEEnvelope)
  }

  let content: Content
  /// The signer's certificate first; none if a key is to be known from elsewhere.
  let certificates: [Certificate]
  let entries: [TransparencyLogEntry]
  /// Each a `TimeStampResp` (RFC 3161).
  let timestamps: [[UInt8]]

  /// The version, if it is a known one.
  private static func version(of mediaType: String) -> Int? {
    switch mediaType {
    case "application/vnd.dev.sigstore.bundle+json;version=0.1": 1
    case "application/vnd.dev.sigstore.bundle+json;version=0.2": 2
    case "application/vnd.dev.sigstore.bundle+json;version=0.3",
      "application/vnd.dev.sigstore.bundle.v0.3+json":
      3
    default: nil
    }
  }

  init(parsing bytes: [UInt8]) throws(Refusal) {
    let document = try OrderedJSON(signed: bytes, what: "the bundle")
    let mediaType = try document.text("mediaType")
    guard let version = Self.version(of: mediaType) else {
      throw Refusal("the bundle is of the unknown type \(mediaType.quotedForMessage)")
    }
    switch (document.member("messageSignature"), document.member("dsseEnvelope")) {
    case (.some(let message), nil): content = .message(signature: try message.bytes("signature"))
    case (nil, .some(let envelope)): content = .envelope(try DSSEEnvelope(envelope))
    default: throw Refusal("the bundle has not one signature, of a message or of an envelope")
    }
    let material = try document.object("verificationMaterial")
    certificates = try Self.certificates(material, version)

    var entries: [TransparencyLogEntry] = []
    let listed = try material.list("tlogEntries")
    let proofs = material.member("timestampVerificationData")
    let stamped = try proofs?.list("rfc3161Timestamps") ?? []
    guard listed.count + stamped.count <= Self.maximumProofs else {
      throw Refusal("the bundle has more than \(Self.maximumProofs) log entries and timestamps")
    }
    for entry in listed {
      let entry = try TransparencyLogEntry(entry)
      guard version == 1 ? entry.promise != nil : entry.proof != nil else {
        throw Refusal("the bundle has a log entry without what its version demands")
      }
      entries.append(entry)
    }
    self.entries = entries
    var timestamps: [[UInt8]] = []
    for timestamp in stamped { timestamps.append(try timestamp.bytes("signedTimestamp")) }
    self.timestamps = timestamps
  }

  private static func certificates(_ material: OrderedJSON, _ version: Int) throws(Refusal) -> [Certificate] {
    let names = ["publicKey", "certificate", "x509CertificateChain"].filter { material.member($0) != nil }
    switch names {
    case ["publicKey"]: return []
    case ["certificate"]:
      return [try Certificate(parsing: try material.object("certificate").bytes("rawBytes")[...])]
    case ["x509CertificateChain"] where version < 3:
      var certificates: [Certificate] = []
      for certificate in try material.object("x509CertificateChain").list("certificates") {
        guard certificates.count <= CertificatePath.maximumUntrusted else {
          throw Refusal("the bundle has too many certificates")
        }
        certificates.append(try Certificate(parsing: try certificate.bytes("rawBytes")[...]))
      }
      guard !certificates.isEmpty else { throw Refusal("the bundle has an empty list of certificates") }
      return certificates
    default: throw Refusal("the bundle has not one key or certificate, in the way of its version")
    }
  }
}
