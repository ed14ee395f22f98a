import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// `kontor copy … --to REGISTRY[/PREFIX]`: images of archives and registries, each under its own name there.
struct PrefixCopy {
  let arguments: ClientArguments
  let copying: CopyArguments
  let trust: TrustArguments

  /// An image with where it goes.
  private struct Item {
    let image: NamedImage
    let target: ImageReference
    let places: ImportPlaces?

    /// Its name there; of one that is named by its digest alone, the digest of what goes there.
    func target(of root: Digest) -> ImageReference {
      guard target.tag == nil, target.digest != nil else { return target }
      return ImageReference(registry: target.registry, repository: target.repository, digest: root)
    }

    /// Whether it belongs to another one, by its tag.
    var isAttached: Bool { target.tag?.attachedTo != nil }
  }

  func run(_ sources: [ImageLocation], to prefix: RegistryPrefix, platform: Platform?) throws {
    let client = try arguments.client()
    var reports: [(target: ImageReference, report: ImageCopier.Report)] = []
    let items = try items(sources, prefix)
    for (index, item) in items.enumerated() {
      if !arguments.quiet { printError("\(item.target) (\(index + 1) of \(items.count))") }
      let report = try copy(item, client, platform)
      if arguments.format == .text { print("\(report.root.digest) \(item.target)") }
      reports.append((item.target, report))
    }
    self.report(reports, prefix)
  }

  /// - Throws: before anything is sent, if two images would get the same name.
  private func items(_ sources: [ImageLocation], _ prefix: RegistryPrefix) throws -> [Item] {
    let limits = try copying.unpacking.limits()
    let images = try sources.flatMap { source in
      let images = try NamedImage.all(at: source, limits)
      let places = images.first?.archive.map { ImportPlaces(of: $0, at: prefix) }
      return images.map { ($0, places) }
    }
    try checkNames(images.map(\.0))
    let targets: [ImageReference]
    do {
      targets = try prefix.references(for: images.map(\.0.name))
    } catch let error as InvalidValue {
      throw ConfigurationError("\(prefix): \(error)")
    }
    let items = zip(images, targets).map { Item(image: $0.0, target: $1, places: $0.1) }
    // A registry may want an image's signatures before its tag.
    return items.filter(\.isAttached) + items.filter { !$0.isAttached }
  }

  /// - Throws: if a name means two images in several archives.
  private func checkNames(_ images: [NamedImage]) throws {
    var known: [ImageReference: Digest] = [:]
    for image in images {
      guard let archive = image.archive, case .archive(_, let name) = image.location else { continue }
      let digest = try archive.entry(named: name).digest
      if let other = known.updateValue(digest, forKey: image.name), other != digest {
        throw TransferError.failed(
          "\(image.name) is \(other) in one archive and \(digest) in another: copy one of them by itself")
      }
    }
  }

  private func copy(
    _ item: Item, _ client: RegistryClient, _ platform: Platform?
  ) throws -> ImageCopier.Report {
    var options = item.image.options(copying, platform)
    let (source, judge) = try trust.judged(
      item.image.location, item.image.source(client, item.places), client)
    options.judge = judge
    let plan = try CopyPlan(of: source, options) {
      if Interruption.isRequested { throw TransferError.cancelled }
    }
    let target = item.target(of: plan.root.digest)
    let copier = ImageCopier(
      from: source, to: RegistryDestination(try client.repository(target, for: .push)), options,
      progress: arguments.quiet ? SilentProgress() : TerminalProgress.make(isDryRun: copying.dryRun),
      isCancelled: { Interruption.isRequested })
    if case .registry(let image) = item.image.location {
      try AttachedTags(client: client, jobs: copying.jobs)
        .copy(of: plan, from: image, to: item.target, options) { Interruption.isRequested }
    }
    let report = try copier.copy(item.places?.ordered(plan) ?? plan)
    if !copying.dryRun { item.places?.add(plan, in: QualifiedRepository(of: item.target)) }
    return report
  }

  private func report(
    _ reports: [(target: ImageReference, report: ImageCopier.Report)], _ prefix: RegistryPrefix
  ) {
    let manifests = reports.reduce(0) { $0 + $1.report.manifests }
    let blobs = reports.reduce(0) { $0 + $1.report.blobs }
    let bytes = reports.reduce(Int64(0)) { $0 &+ $1.report.bytes }
    let present = reports.reduce(0) { $0 + $1.report.present }
    switch arguments.format {
    case .text:
      guard !arguments.quiet else { return }
      printError(
        "kontor: note: images: \(reports.count), manifests: \(manifests), blobs: \(blobs), \(ProgressBar.size(bytes)); "
          + "blobs that were there: \(present)")
    case .json:
      var json = OrderedJSON.object([])
      json["destination"] = .string("\(prefix)")
      json["images"] = .array(
        reports.map { target, report in
          var image = report.root.json(named: target)
          report.add(to: &image)
          return image
        })
      json["manifests"] = .literal("\(manifests)")
      json["blobs"] = .literal("\(blobs)")
      json["bytes"] = .literal("\(bytes)")
      json["present"] = .literal("\(present)")
      print(json.line)
    }
  }
}
