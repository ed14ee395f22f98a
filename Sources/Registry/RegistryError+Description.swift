import ContainerImage
import Storage

/// In words for whoever asked, which say what to do where that is not plain.
extension RegistryError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .repositoryUnknown(let name): "repository \(name) is not known to this registry"
    case .blobUnknown(_, let name): "repository \(name) has no such blob"
    case .manifestUnknown(let reference, let name): "repository \(name) has no manifest \(reference)"
    case .uploadUnknown:
      "there is no such upload session in this repository: it ended or expired; start a new one"
    case .chunkOutOfOrder(let upload):
      "the chunk is out of order: the next one has to start at byte \(upload.size)"
    case .sizeMismatch(let expected, let received):
      "\(received) bytes came where \(expected) were announced"
    case .digestMismatch(_, let actual): "the content has the digest \(actual), not the one given"
    case .manifestInvalid(let reason): reason
    case .manifestTooLarge(let limit): "the manifest is too large: at most \(limit) bytes are accepted"
    case .tagImmutable(let tag, let digest):
      "the tag \(tag) is immutable, and means \(digest): use another tag"
    case .quotaExceeded(let limit, let used): Self.text(limit, used)
    case .tooLargeForSignature(let limit):
      "you may only sign here, and no blob of a signature has more than \(limit) bytes"
    case .noSignature:
      "you may only sign here: this manifest is no signature of an image, or its tag is not that of one"
    case .filledFromElsewhere(let name):
      "\(name) is filled from another registry: push to a repository of another name"
    case .tooManyTags(let name, let limit):
      "repository \(name) has more than \(limit) tags: there is no signed list of them"
    case .denied(let reason): reason
    case .signatureRefused(let reason): reason
    case .referencesMissing:
      "the manifest refers to content that this repository does not have: push it first"
    }
  }

  private static func text(_ limit: StorageLimit, _ used: Int64) -> String {
    let what = limit.prefix.isEmpty ? "this registry" : "what is below \(limit.prefix)"
    // Not to the byte: it may also be of repositories that the client does not see.
    let percent = limit.most > 0 ? Int(Double(used) / Double(limit.most) * 100) : 100
    return "it does not fit: \(what) holds \(percent) % of \(limit.amount); "
      + "delete images there, or ask for a larger quota"
  }
}

extension StorageLimit {
  /// Such as `10GiB` or `100 tags`.
  public var amount: String {
    switch kind {
    case .bytes: "\(ByteSize(most))"
    case .tags: "\(most) tags"
    }
  }
}
