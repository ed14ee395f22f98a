import AppContainer
import ContainerImage
import ImageTransfer
import Logging
import Registry
import RegistryClient
import Storage

/// One run of a rule for App Container images: finds them, and brings those that are not as they were.
struct AppContainerRun: Sendable {
  let rule: ReplicationRule
  let hosts: AppContainerHosts
  let target: any ReplicationPlace
  let store: ContentStore
  /// A directory for what is on its way.
  let staging: String
  let isDryRun: Bool
  let isCancelled: @Sendable () -> Bool
  let progress: @Sendable (ReplicationRun) -> Void
  let logger: Logger

  /// - Throws: `TransferError` if it cannot go on at all, or was stopped.
  func perform(into report: inout ReplicationReport) throws {
    let client = try hosts.client(isCancelled: isCancelled)
    for image in hosts.images {
      if isCancelled() { throw TransferError.cancelled }
      report.run.checked += 1
      do {
        try replicate(image, client, &report)
      } catch TransferError.cancelled {
        throw TransferError.cancelled
      } catch {
        logger.warning(
          "cannot replicate", metadata: ["rule": "\(rule.name)", "image": "\(image)", "error": "\(error)"])
        report.add(
          .init(action: .failed, source: "\(image)", target: "", digest: nil, failure: "\(error)"))
      }
      progress(report.run)
      try target.checkReachable()
    }
  }

  private func replicate(
    _ image: ACImageName, _ client: AppContainerClient, _ report: inout ReplicationReport
  ) throws {
    let (repository, tag) = try targetName(of: image)
    let platform = rule.platform ?? .current
    let wanted = try image.with(platform)
    let place = try client.discover(wanted)[0]
    // One whose server says nothing of its state is fetched each time.
    let state = try client.state(of: place).map { "\(place.image) \($0)" }
    let there = try target.digest(of: tag, in: repository, isListed: false)
    let known = try translating {
      try store.metadata.replicatedTags(by: rule.name, from: image.description)
    }.first
    if let state, let known, known.sourceState == state, known.targetRegistry == target.registry,
      known.target == repository, known.targetTag == tag, known.targetDigest == there
    {
      return
    }
    let (from, to) = ("\(image)", "\(repository):\(tag)")
    let action: ReplicationReport.Action = there == nil ? .copy : .update
    if isDryRun { return report.add(.init(action: action, source: from, target: to, digest: nil)) }
    let source = try hosts.source(
      of: image, at: place, for: platform, by: client, staging: staging, isCancelled: isCancelled)
    var options = ImageCopier.Options()
    // What the image is made of goes with it: rkt gets that.
    options.includesReferrers = true
    options.isIncremental = true
    let copied = try ImageCopier(
      from: source, to: try target.destination(tag, in: repository, isSparse: false), options,
      isCancelled: isCancelled
    ).copy()
    let (now, result) = (secondsSince1970(), copied.root.digest)
    let replicated = ReplicatedTag(
      rule: rule.name, source: image.description, tag: tag.description, sourceState: state ?? "",
      targetRegistry: target.registry, target: repository, targetTag: tag, targetDigest: result,
      isBrought: true, copiedAt: now)
    let host = image.name.description.prefix { $0 != "/" }
    try waiting { [store] in try await store.metadata.keep(replicated, from: String(host)) }
    if copied.root.digest == there, copied.manifests == 0 { return }
    report.add(
      .init(
        action: copied.root.digest == there ? .refresh : action, source: from, target: to,
        digest: copied.root.digest, blobs: Int64(copied.blobs), bytes: copied.bytes))
    logger.info(
      "replicated",
      metadata: ["rule": "\(rule.name)", "image": "\(to)", "digest": "\(copied.root.digest)"])
  }

  private func targetName(of image: ACImageName) throws(TransferError) -> (RepositoryName, Tag) {
    do throws(InvalidValue) {
      let name = try RepositoryName(parsing: image.name.description)
      return (try rule.targetName(of: name), try Tag(parsing: image.labels.version ?? "latest"))
    } catch {
      throw .failed("it has no name that it could have in a registry: \(error)")
    }
  }
}
