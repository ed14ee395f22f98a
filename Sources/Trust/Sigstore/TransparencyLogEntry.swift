import ContainerImage
import FoundationEssentials

/// What Rekor keeps of a signature, with its promise to keep it, or with a proof that it does.
struct TransparencyLogEntry {
  let logID: [UInt8]
  let logIndex: Int64
  /// Seconds since 1970; nil if the log says no time.
  let integratedTime: Int64?
  /// The log's signature over all of these ("SET").
  let promise: [UInt8]?
  let proof: InclusionProof?
  /// The entry as the log has it, JSON.
  let body: [UInt8]

  struct InclusionProof {
    let logIndex: Int64
    let treeSize: Int64
    let rootHash: [UInt8]
    let path: [[UInt8]]
    let checkpoint: LogCheckpoint
  }

  /// A `TransparencyLogEntry` of a bundle (protobuf-specs, sigstore_rekor.proto).
  init(_ entry: OrderedJSON) throws(Refusal) {
    logID = try entry.object("logId").bytes("keyId")
    // What is zero is left out.
    logIndex = entry.member("logIndex") == nil ? 0 : try entry.number("logIndex")
    let time = entry.member("integratedTime") == nil ? 0 : try entry.number("integratedTime")
    integratedTime = time == 0 ? nil : time
    body = try entry.bytes("canonicalizedBody")
    if entry.member("inclusionPromise") == nil {
      promise = nil
    } else {
      promise = try entry.object("inclusionPromise").bytes("signedEntryTimestamp")
    }
    // Without a checkpoint, as bundles of version 0.1 may have it, it proves nothing.
    if entry.member("inclusionProof")?.member("checkpoint") == nil {
      proof = nil
    } else {
      let proof = try entry.object("inclusionProof")
      var path: [[UInt8]] = []
      for hash in try proof.list("hashes") {
        guard let hash = hash.string.flatMap(StrictBase64.decode) else {
          throw Refusal("its log's proof has a malformed hash")
        }
        path.append(hash)
      }
      self.proof = InclusionProof(
        logIndex: proof.member("logIndex") == nil ? 0 : try proof.number("logIndex"),
        treeSize: try proof.number("treeSize"), rootHash: try proof.bytes("rootHash"), path: path,
        checkpoint: try LogCheckpoint(parsing: try proof.object("checkpoint").text("envelope")))
    }
    if let kind = entry.member("kindVersion") {
      let content = try LoggedContent(parsing: body)
      guard try kind.text("kind") == content.kind, try kind.text("version") == content.version else {
        throw Refusal("its log entry is of another kind than the bundle says")
      }
    }
  }

  /// The annotation `dev.sigstore.cosign/bundle` (cosign, pkg/cosign/bundle/rekor.go).
  init(annotation: String) throws(Refusal) {
    let document = try OrderedJSON(signed: Array(annotation.utf8), what: "its log entry")
    promise = try document.bytes("SignedEntryTimestamp")
    let payload = try document.object("Payload")
    body = try payload.bytes("body")
    integratedTime = try payload.number("integratedTime")
    logIndex = try payload.number("logIndex")
    guard let logID = Self.bytes(hexadecimal: try payload.text("logID")) else {
      throw Refusal("its log entry's \"logID\" is not hexadecimal")
    }
    self.logID = logID
    proof = nil
  }

  static func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.compactMap { digit -> UInt8? in
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
      default: nil
      }
    }
    guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// That the log has the entry: whatever there is of promise and proof must be good, and there must be one of them.
  /// - Returns: when the log took it in; nil if the log did not sign that.
  func verify(by log: TransparencyLog) throws(Refusal) -> Date? {
    guard promise != nil || proof != nil else {
      throw Refusal("its log neither promises nor proves that it has it")
    }
    if let proof { try verify(proof, by: log) }
    guard let promise else { return nil }
    guard let integratedTime else { throw Refusal("its log entry has no time") }
    let time = Date(timeIntervalSince1970: Double(integratedTime))
    guard log.period.contains(time) else {
      throw Refusal("its log's key was not valid at \(time.isoText)")
    }
    // Canonical JSON (RFC 8785) of this needs no escapes.
    let signed =
      "{\"body\":\"\(Data(body).base64EncodedString())\",\"integratedTime\":\(integratedTime),"
      + "\"logID\":\"\(logID.lowerHexadecimal)\",\"logIndex\":\(logIndex)}"
    guard log.signed(Array(signed.utf8), promise) else {
      throw Refusal("its log did not sign this entry")
    }
    return time
  }

  private func verify(_ proof: InclusionProof, by log: TransparencyLog) throws(Refusal) {
    guard proof.checkpoint.treeSize == proof.treeSize, proof.checkpoint.rootHash == proof.rootHash else {
      throw Refusal("its log's proof is of another tree than its checkpoint")
    }
    let root = MerkleInclusion.root(
      leafHash: MerkleInclusion.leafHash(body), index: proof.logIndex, size: proof.treeSize, path: proof.path)
    guard root == proof.rootHash else { throw Refusal("its log's proof is not one of this entry") }
    guard proof.checkpoint.isSigned(by: log) else {
      throw Refusal("its log did not sign the checkpoint")
    }
  }
}
