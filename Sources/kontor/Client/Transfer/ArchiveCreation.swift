import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// `kontor copy … --to archive:FILE`
struct ArchiveCreation {
  let arguments: ClientArguments
  let copying: CopyArguments
  let trust: TrustArguments
  /// Inventories and archives that say what the other side has.
  var since: [String] = []
  /// Where to write what it has then; nil for nowhere.
  var inventory: String?

  func run(_ sources: [ImageLocation], file: String, platform: Platform?) throws {
    if let inventory { try BlobInventory.check(inventory, beside: file) }
    var known = BlobInventory()
    for path in since { known.add(try BlobInventory(file: path)) }
    let client = try arguments.client()
    let limits = try copying.unpacking.limits()
    let images = try sources.flatMap { try NamedImage.all(at: $0, limits) }
    var planned = try ConcurrentWork.map(images, jobs: copying.jobs) { image in
      try plan(image, client, platform)
    }
    if copying.referrers { planned += try attached(to: Array(zip(images, planned)), client) }
    let contents = try TransferArchiveContents(planned.map(\.content), without: known)
    let writer = try TransferArchiveWriter(contents, to: file)
    if !copying.dryRun {
      let progress: any CopyProgress =
        arguments.quiet ? SilentProgress() : TerminalProgress.make(isDryRun: false)
      try writer.write(jobs: copying.jobs, progress: progress, isCancelled: { Interruption.isRequested })
      if let inventory {
        known.add(contents.inventory)
        try known.write(to: inventory)
      }
    }
    report(contents, file)
  }

  private func plan(
    _ image: NamedImage, _ client: RegistryClient, _ platform: Platform?
  ) throws -> Planned {
    var options = image.options(copying, platform)
    let (source, judge) = try trust.judged(image.location, image.source(client), client)
    options.judge = judge
    let found = try CopyPlan(of: source, options) {
      if Interruption.isRequested { throw TransferError.cancelled }
    }
    return Planned(plan: found, content: .init(image.name, found, of: source))
  }

  private struct Planned: Sendable {
    let plan: CopyPlan
    let content: TransferArchiveContents.Image
  }

  /// What belongs to images of registries by its tag, unless it is there already.
  private func attached(
    to images: [(NamedImage, Planned)], _ client: RegistryClient
  ) throws -> [Planned] {
    let tags = AttachedTags(client: client, jobs: copying.jobs)
    var known = Set(images.map(\.1.content.name))
    var found: [Planned] = []
    for (image, planned) in images {
      guard case .registry(let reference) = image.location else { continue }
      for name in try tags.find(of: planned.plan, in: reference) where known.insert(name).inserted {
        let source = RegistrySource(try client.repository(name, for: .pullByTag))
        let plan = try CopyPlan(of: source, ImageCopier.Options()) {
          if Interruption.isRequested { throw TransferError.cancelled }
        }
        found.append(Planned(plan: plan, content: .init(name, plan, of: source)))
      }
    }
    return found
  }

  private func report(_ contents: TransferArchiveContents, _ file: String) {
    switch arguments.format {
    case .text:
      for image in contents.images { print("\(image.root.digest) \(image.name)") }
      guard !arguments.quiet else { return }
      let left =
        contents.omitted.isEmpty
        ? "" : "; left out: \(contents.omitted.count) blobs, \(ProgressBar.size(contents.omittedBytes))"
      printError(
        "kontor: note: images: \(contents.images.count), manifests: \(contents.manifestCount), "
          + "blobs: \(contents.blobCount), \(ProgressBar.size(contents.bytes))\(left)")
    case .json:
      var json = OrderedJSON.object([])
      json["destination"] = .string("archive:\(file)")
      json["images"] = .array(contents.images.map { $0.root.json(named: $0.name) })
      json["manifests"] = .literal("\(contents.manifestCount)")
      json["blobs"] = .literal("\(contents.blobCount)")
      json["bytes"] = .literal("\(contents.bytes)")
      json["omitted"] = .literal("\(contents.omitted.count)")
      json["omittedBytes"] = .literal("\(contents.omittedBytes)")
      print(json.line)
    }
  }
}

extension Descriptor {
  /// An image in a report.
  func json(named name: ImageReference) -> OrderedJSON {
    var json = OrderedJSON.object([])
    json["name"] = .string("\(name)")
    json["digest"] = .string("\(digest)")
    json["mediaType"] = .string("\(mediaType)")
    return json
  }
}
