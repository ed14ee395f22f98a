import ContainerImage

/// What the look-ups of nearly all pulls found, kept by one thread until anything is written.
///
/// An entry is valid as long as the number of commits is what it was before its query: a commit raises that number
/// before anyone is told of it, so that no answer is older than what a client knows.
struct LookupCache {
  private struct ManifestKey: Hashable {
    let repository: RepositoryName
    let reference: ManifestReference
  }

  private struct BlobKey: Hashable {
    let repository: RepositoryName
    let digest: Digest
  }

  /// Beyond either the cache starts anew.
  private static let mostEntries = 1024
  private static let mostBytes = 4 << 20

  private var commits: UInt64 = 0
  private var bytes = 0
  private var manifests: [ManifestKey: JudgedManifest] = [:]
  private var blobs: [BlobKey: BlobRecord] = [:]

  /// Forgets everything unless nothing was committed since. Called before every look-up.
  mutating func validate(commits: UInt64) {
    guard commits != self.commits else { return }
    self.commits = commits
    if count > 0 { clear() }
  }

  func manifest(_ reference: ManifestReference, in repository: RepositoryName) -> JudgedManifest? {
    manifests[ManifestKey(repository: repository, reference: reference)]
  }

  mutating func keep(
    _ manifest: JudgedManifest, for reference: ManifestReference, in repository: RepositoryName
  ) {
    let verdict = manifest.judgement?.verdict?.refusal?.utf8.count ?? 0
    makeRoom(for: manifest.record.content.readableBytes + verdict)
    manifests[ManifestKey(repository: repository, reference: reference)] = manifest
  }

  func blob(_ digest: Digest, in repository: RepositoryName) -> BlobRecord? {
    blobs[BlobKey(repository: repository, digest: digest)]
  }

  mutating func keep(_ record: BlobRecord, for digest: Digest, in repository: RepositoryName) {
    makeRoom(for: 0)
    blobs[BlobKey(repository: repository, digest: digest)] = record
  }

  private var count: Int { manifests.count + blobs.count }

  private mutating func makeRoom(for size: Int) {
    bytes += size
    if bytes > Self.mostBytes || count >= Self.mostEntries { clear() }
  }

  private mutating func clear() {
    manifests.removeAll(keepingCapacity: true)
    blobs.removeAll(keepingCapacity: true)
    bytes = 0
  }
}
