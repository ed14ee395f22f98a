import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// `kontor copy`
struct CopyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "copy", abstract: "Copy an image from one place to another, or several at once.",
    usage: """
      kontor copy SOURCE DESTINATION [OPTIONS]
      kontor copy SOURCE... --to archive:FILE|REGISTRY[/PREFIX] [OPTIONS]
      """,
    discussion: """
      Places to copy from are \(ImageLocation.sources.joined(separator: ", ")); to copy to \
      \(ImageLocation.destinations.joined(separator: ", ")). Without a transport, it is a registry's. \
      An image for several platforms is copied whole unless --platform says otherwise. Digests never change.

      With --to archive:FILE any number of images become one archive, which is carried to where no network leads, and \
      copied --to a registry there. An archive can leave out what the other side has: --since names its inventory ('kontor \
      inventory'), what --inventory wrote with an earlier archive, or that archive.

      Example: kontor copy --referrers registry.example/hello:v1 localhost:5000/mirror/hello:v1
      Example: kontor copy --referrers registry.example/app:v1 registry.example/db:v2 --to archive:images.tar
      Example: kontor copy archive:images.tar --to localhost:5000/mirror
      """)

  @Argument(
    help: ArgumentHelp(
      "Where the image is, and where it goes; with --to, where the images are.", valueName: "place"))
  var places: [String] = []
  @OptionGroup(title: "Options for several images") var transfer: TransferArguments
  @OptionGroup var platform: PlatformArguments
  @OptionGroup var copying: CopyArguments
  @OptionGroup var trust: TrustArguments
  @OptionGroup var bundle: BundleArguments
  @OptionGroup(title: "Options for rootfs-tar:FILE") var making: NewImageArguments
  @OptionGroup(title: "Options for aci:FILE and aci://NAME") var appContainer: AppContainerArguments
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    let (sources, target) = try transfer.sourcesAndTarget(places)
    let chosen = try platform.chosen()
    switch target {
    case .archive(let file):
      try requireNoNewImage(sources)
      Interruption.watch()
      try ArchiveCreation(
        arguments: arguments, copying: copying, trust: trust, since: transfer.since,
        inventory: transfer.inventory
      ).run(sources, file: file, platform: chosen)
    case .prefix(let prefix):
      try requireNoNewImage(sources)
      Interruption.watch()
      try PrefixCopy(arguments: arguments, copying: copying, trust: trust).run(
        sources, to: prefix, platform: chosen)
    case .place(let place):
      try ImageCopy(arguments, copying, trust, bundle, making: making, appContainer: appContainer).run(
        from: sources[0], to: place, platform: chosen)
    }
  }

  private func requireNoNewImage(_ sources: [ImageLocation]) throws(ConfigurationError) {
    guard let first = sources.first(where: { making.options(nil, for: $0) != nil }) else { return }
    throw ConfigurationError(
      "\(first): options such as --entrypoint are for one image of rootfs-tar:FILE, copied by itself")
  }
}

/// `kontor pull`
struct PullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetch an image from a registry.",
    discussion: """
      Without --to it goes into an OCI image layout in this directory that has the image's name. Of an image for several \
      platforms it is the one for this machine, unless --platform or --all-platforms says otherwise. Content is verified \
      while it comes; what an interrupted pull had is used by the next one.

      Example: kontor pull localhost:5000/hello:v1 --to runc:hello && sudo runc run --bundle hello greeter
      """)

  @Argument(
    help:
      "The image: [REGISTRY/]NAME[:TAG][@DIGEST], or aci://NAME[:VERSION][,LABEL=VALUE…] to be found by its name."
  )
  var reference: String
  @Option(
    help: ArgumentHelp(
      "Where it goes: \(ImageLocation.destinations.joined(separator: ", ")).", valueName: "destination"))
  var to: String?
  @OptionGroup var platform: PlatformArguments
  @OptionGroup var copying: CopyArguments
  @OptionGroup var trust: TrustArguments
  @OptionGroup var bundle: BundleArguments
  @OptionGroup(title: "Options for aci:FILE and aci://NAME") var appContainer: AppContainerArguments
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    let from = try ImageLocation(parsing: reference)
    let (path, name): (String, String?)
    switch from {
    case .registry(let image):
      path = image.repository.description
      name = image.tag?.description ?? (image.digest == nil ? Tag.latest.description : nil)
    case .discovered(let image):
      path = image.name.description
      name = image.labels.version ?? Tag.latest.description
    case .layout, .archive, .export, .engine:
      throw ConfigurationError(
        "\(reference) is not in a registry: use 'kontor copy \(reference) DESTINATION'")
    }
    let place =
      try to.map { text throws(ConfigurationError) in try ImageLocation(parsing: text) }
      ?? .layout(directory: path.split(separator: "/").last.map(String.init) ?? "image", name: name)
    let chosen = platform.allPlatforms ? nil : try platform.chosen() ?? .current
    try ImageCopy(arguments, copying, trust, bundle, appContainer: appContainer).run(
      from: from, to: place, platform: chosen)
  }
}

/// `kontor push`
struct PushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Send an image to a registry.",
    discussion: """
      An image for several platforms is sent whole unless --platform says otherwise. What the registry has already is \
      not sent again. Of a root file system in a tar archive, an image is made: the same one each time.

      Example: kontor push oci:images:hello localhost:5000/hello:v1
      Example: kontor push rootfs-tar:root.tar localhost:5000/hello:v1 --entrypoint /bin/sh
      """)

  @Argument(help: "Where the image is: \(ImageLocation.sources.joined(separator: ", ")).") var source: String
  @Argument(help: "Its name in a registry: [REGISTRY/]NAME[:TAG].") var reference: String
  @OptionGroup var platform: PlatformArguments
  @OptionGroup var copying: CopyArguments
  @OptionGroup var trust: TrustArguments
  @OptionGroup(title: "Options for rootfs-tar:FILE") var making: NewImageArguments
  @OptionGroup(title: "Options for aci:FILE and aci://NAME") var appContainer: AppContainerArguments
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    let to = try ImageLocation(parsing: reference)
    guard case .registry = to else {
      throw ConfigurationError("\(reference) is no registry's: use 'kontor copy \(source) \(reference)'")
    }
    try ImageCopy(arguments, copying, trust, making: making, appContainer: appContainer).run(
      from: try ImageLocation(parsing: source), to: to, platform: try platform.chosen())
  }
}

/// What the three commands do.
struct ImageCopy {
  private let arguments: ClientArguments
  private let copying: CopyArguments
  private let trust: TrustArguments
  private let bundle: RuntimeBundle.Options
  private let making: NewImageArguments?
  private let appContainer: AppContainerArguments

  /// - Parameters:
  ///   - bundle: nil for a command that makes none.
  ///   - making: nil for a command that makes no image.
  init(
    _ arguments: ClientArguments, _ copying: CopyArguments, _ trust: TrustArguments,
    _ bundle: BundleArguments? = nil, making: NewImageArguments? = nil, appContainer: AppContainerArguments
  ) {
    self.appContainer = appContainer
    self.making = making
    self.arguments = arguments
    self.copying = copying
    self.trust = trust
    self.bundle = bundle?.options ?? .init()
  }

  func run(from: ImageLocation, to: ImageLocation, platform: Platform?) throws {
    Interruption.watch()
    if case .archive(let file, let name) = to {
      guard name == nil else { throw TransferArguments.namedArchive(to) }
      let archive = ArchiveCreation(arguments: arguments, copying: copying, trust: trust)
      return try archive.run([from], file: file, platform: platform)
    }
    let client = try arguments.client()
    let limits = try copying.unpacking.limits()
    let isQuiet = arguments.quiet
    let note = { @Sendable (sentence: String) in if !isQuiet { printError("kontor: note: \(sentence)") } }
    let destination = try to.destination(
      client, bundle, limits, origin: { try appContainer.origin(of: from) }, note: note)
    let finding = AppContainerFinding(
      makeClient: { try arguments.appContainerClient() }, platform: platform ?? .current,
      isVerified: !appContainer.insecureSkipSignature, signature: appContainer.signature
    ) { sentence in if !isQuiet { printError(sentence) } }
    var options = copying.options(platform)
    // What an ACI is made into goes with the ACI itself, wherever there is room for that.
    if from.isAppContainer, destination.takesIndexes { options.includesReferrers = true }
    // So does what an archive has of an image.
    if case .archive = from, destination.takesIndexes { options.includesReferrers = true }
    var places: ImportPlaces?
    var found = try from.source(
      client, limits, making: making?.options(platform, for: from), finding: finding)
    // A registry may have what an archive lacks in other repositories.
    if let archived = found as? TransferArchiveSource, case .registry(let reference) = to {
      let known = ImportPlaces(of: archived.archive, at: RegistryPrefix(registry: reference.registry))
      found = known.source(named: archived.name)
      places = known
    }
    let (source, judge) = try trust.judged(from, found, client)
    options.judge = judge
    let copier = ImageCopier(
      from: source, to: destination, options,
      progress: arguments.quiet ? SilentProgress() : TerminalProgress.make(isDryRun: copying.dryRun),
      isCancelled: { Interruption.isRequested })
    let plan = try copier.plan()
    if case .registry(let image) = from, case .registry(let target) = to {
      try AttachedTags(client: client, jobs: copying.jobs)
        .copy(of: plan, from: image, to: target, options) { Interruption.isRequested }
    }
    let report = try copier.copy(places?.ordered(plan) ?? plan)
    switch arguments.format {
    case .text: print("\(report.root.digest)")
    case .json:
      var json = OrderedJSON.object([])
      json["destination"] = .string("\(to)")
      json["digest"] = .string("\(report.root.digest)")
      json["mediaType"] = .string("\(report.root.mediaType)")
      report.add(to: &json)
      print(json.line)
    }
  }
}
