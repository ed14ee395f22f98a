import ContainerImage

/// Why an image, or something of it, cannot be brought from one place to another. The words are for the user of the
/// command: they say what to do where that is not plain.
public enum TransferError: Error, Sendable, CustomStringConvertible {
  /// There is no such image, tag, repository or file.
  case notFound(String)
  /// Its keeper does not let this user.
  case denied(String)
  /// What came is not what its name says: a wrong digest, a wrong length. Nothing of it was kept.
  case wrongContent(Digest, reason: String)
  /// The document is no manifest, or the image lacks what the destination needs.
  case notAnImage(String)
  /// No signature by a key that the user trusts says that it is genuine.
  case notTrusted(String)
  /// The destination is there already.
  case exists(String)
  /// A server or this machine failed.
  case failed(String)
  /// The user stopped it.
  case cancelled

  public var description: String {
    switch self {
    case .notFound(let what): what
    case .denied(let what): what
    case .wrongContent(let digest, let reason):
      "\(digest) was refused: \(reason); the source is damaged or does not tell the truth"
    case .notAnImage(let reason): reason
    case .notTrusted(let what): what
    case .exists(let what): what
    case .failed(let reason): reason
    case .cancelled: "stopped"
    }
  }
}
