/// Tags that are made of an image's digest, and so belong to it: `sha256-…` lists its referrers (distribution-spec, section "Referrers
/// Tag Schema"), and cosign puts what it says of an image under `sha256-….sig`, `.att` and `.sbom`.
extension Tag {
  public var isMadeOfDigest: Bool { digestPart != nil }

  /// Of a tag with something behind the digest, such as `sha256-….sig`, what stands before that; nil for others.
  public var attachedTo: String? {
    guard let part = digestPart, part.utf8.count < description.utf8.count else { return nil }
    return String(part)
  }

  /// The tags that cosign uses for an image.
  public static func attached(to image: Digest) -> [Tag] {
    ["sig", "att", "sbom"].compactMap { end in
      try? Tag(parsing: "\(image.algorithm.rawValue)-\(image.encoded).\(end)")
    }
  }

  private var digestPart: Substring? {
    let part = description.prefix { $0 != "." }
    let pieces = part.split(separator: "-", maxSplits: 1)
    guard pieces.count == 2, (try? Digest(parsing: "\(pieces[0]):\(pieces[1])")) != nil else { return nil }
    return part
  }
}
