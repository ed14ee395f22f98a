import AppContainer
import ContainerImage
import FoundationEssentials
import Logging
import Storage
import Trust

extension AppContainerService {
  /// Verified signatures of ACIs are verified again after so many seconds: trusted keys are in a directory, which may
  /// change.
  private static let verifiedFor: Int64 = 3600

  /// Whether the trust policy lets a client have an ACI: if it allows the image that the ACI is, or is made of, or if the ACI has a
  /// signature by a key that is trusted for its name.
  /// - Parameter mayPush: whether the client may push to the repository.
  /// - Throws: `ACIRefusal.notTrusted`, `.notFound`, `StorageError`
  public func requireTrust(_ query: ACIQuery, mayPush: Bool) async throws {
    guard let trust = registry.trust else { return }
    let (target, pushed) = try await store.blocking {
      [self] () throws -> (Target, (artifact: ACIArtifact, manifest: Digest)?) in
      let found = try self.target(of: query)
      return (found, try self.artifact(for: query, found))
    }
    if let pushed, try await isVerified(pushed.artifact, pushed.manifest, in: target.repository, trust) {
      return
    }
    let outcome = try await trust.outcome(
      of: target.record.digest, as: .tag(target.tag), in: target.repository, for: .appc, mayPush: mayPush)
    switch outcome {
    case .given: return
    case .givenUntrusted(let reason):
      logger.warning(
        "gave an image that is not trusted", metadata: ["name": "\(query.name)", "reason": "\(reason)"])
    case .held: throw Self.notFound(query)
    case .refused(let reason): throw ACIRefusal.notTrusted("\(query.name): \(reason)")
    }
  }

  private func isVerified(
    _ artifact: ACIArtifact, _ manifest: Digest, in repository: RepositoryName, _ trust: TrustEnforcement
  ) async throws -> Bool {
    guard let signature = artifact.signature else { return false }
    let acceptance = acceptance
    let verdict = try await trust.judge(manifest, as: nil, in: repository) { judge in
      let bytes = try StoredBlobReader.contents(
        of: signature.digest, in: judge.store.blobs, atMost: ACIAcceptance.largestSignature)
      var refusal: String?
      do {
        let isGood = try acceptance.check(bytes, of: artifact.name) {
          try StoredBlobReader(artifact.image.digest, in: judge.store.blobs)
        }
        if !isGood { refusal = "no key is trusted for \(artifact.name)" }
      } catch let error as ACIRefusal {
        refusal = "\(error)"
      } catch let error as TrustError {
        refusal = "\(error)"
      }
      return StoredVerdict(
        refusal: refusal, validUntil: Int64(judge.time.timeIntervalSince1970) + Self.verifiedFor)
    }
    return verdict.isAllowed
  }
}
