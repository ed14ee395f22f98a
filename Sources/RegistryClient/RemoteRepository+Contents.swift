import ContainerImage
import ImageTransfer

extension RemoteRepository {
  /// The digests of all that the tags lead to: manifests, what they list, what refers to them, and their blobs. What went while
  /// it was asked for is left out, as is what an index lists and the repository does not have.
  /// - Throws: `TransferError`
  public func contents() throws -> Set<Digest> {
    var found: Set<Digest> = []
    var waiting = try tags().compactMap { try? Tag(parsing: $0) }.map(ManifestReference.tag)
    while let next = waiting.popLast() {
      if case .digest(let digest) = next, found.contains(digest) { continue }
      let document: ManifestDocument
      do {
        document = try manifest(next)
      } catch TransferError.notFound {
        continue
      } catch TransferError.notAnImage {
        // Of a form that nobody makes any more: what an inventory does not list is only sent again.
        continue
      }
      guard found.insert(document.digest).inserted else { continue }
      let manifest = try document.manifest()
      found.formUnion(manifest.requiredBlobs.map(\.digest))
      for entry in manifest.manifests {
        if entry.mediaType.isManifest || entry.mediaType.description.isEmpty {
          waiting.append(.digest(entry.digest))
        } else {
          found.insert(entry.digest)
        }
      }
      waiting += try referrers(of: document.digest).map { .digest($0.digest) }
    }
    return found
  }
}
