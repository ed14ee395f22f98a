import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient

#if canImport(Glibc)
  import Glibc
#endif

/// `kontor inspect`
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what an image is, without fetching its layers.",
    discussion: """
      Of an image for several platforms it shows the list, or with --platform the image for one. --raw and --config give \
      the manifest and the config exactly as they are.

      Example: kontor inspect localhost:5000/hello:v1 --platform linux/arm64
      """)

  @Argument(help: "The image: a reference, or another place such as oci:DIR.") var image: String
  @Option(help: ArgumentHelp("The platform to choose.", valueName: "os/arch[/variant]")) var platform: String?
  @Flag(help: "Print the manifest's own bytes.") var raw = false
  @Flag(help: "Print the config's own bytes.") var config = false
  @OptionGroup var arguments: ClientArguments

  mutating func validate() throws {
    if raw, config { throw ValidationError("--raw and --config exclude each other: give one of them") }
  }

  func run() throws {
    Interruption.watch()
    let wanted = try platform.map { text throws(ConfigurationError) in
      try RegistryArgument.parse { () throws(InvalidValue) in try Platform(parsing: text) }
    }
    let inspection = try ImageInspection(
      try ImageLocation(parsing: image).source(try arguments.client()), platform: wanted,
      needsImage: config)
    if raw { return writeOut(inspection.document.bytes) }
    if config {
      guard let bytes = inspection.configBytes else {
        throw TransferError.notAnImage("\(image) has no config")
      }
      return writeOut(bytes)
    }
    print(arguments.format == .json ? inspection.json.line : inspection.text)
  }
}

/// Writes the answer as it is.
func writeOut(_ bytes: [UInt8]) {
  _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

/// What there is to say of an image.
struct ImageInspection {
  let document: ManifestDocument
  let manifest: Manifest
  let configBytes: [UInt8]?
  let config: ImageConfig?

  private static let largestConfig: Int64 = 8 << 20

  /// - Parameter needsImage: whether of an index the image for this machine is wanted.
  /// - Throws: `TransferError`
  init(_ source: any ImageSource, platform: Platform?, needsImage: Bool) throws {
    var document = try source.root()
    var manifest = try document.manifest()
    if manifest.kind == .index, let wanted = platform ?? (needsImage ? .current : nil) {
      document = try source.manifest(try ImageCopier.choose(wanted, in: manifest))
      manifest = try document.manifest()
    }
    self.document = document
    self.manifest = manifest
    guard let descriptor = manifest.config, descriptor.size <= Self.largestConfig else {
      (configBytes, config) = (nil, nil)
      return
    }
    var bytes: [UInt8] = []
    let reader = VerifyingReader(try source.blob(descriptor, from: 0), expecting: descriptor)
    try reader.forEachPiece { bytes += $0 }
    configBytes = bytes
    // An artifact's config is of another kind.
    config = try? ImageConfig(parsing: bytes)
  }

  var text: String {
    var lines = ["digest:    \(document.digest)", "type:      \(document.mediaType)"]
    if let type = manifest.artifactType, config == nil, manifest.kind != .index {
      lines.append("artifact:  \(type)")
    }
    if let config {
      lines.append("platform:  \(config.platform)")
      if let created = config.created { lines.append("created:   \(created)") }
      let execution = config.config ?? .init()
      if !execution.arguments.isEmpty {
        lines.append("command:   \(execution.arguments.joined(separator: " "))")
      }
      if let user = execution.user, !user.isEmpty { lines.append("user:      \(user)") }
      if let directory = execution.workingDirectory, !directory.isEmpty {
        lines.append("directory: \(directory)")
      }
      for variable in execution.environment ?? [] { lines.append("env:       \(variable)") }
      for (name, value) in (execution.labels ?? [:]).sorted(by: { $0.key < $1.key }) {
        lines.append("label:     \(name)=\(value)")
      }
    }
    for entry in manifest.manifests {
      lines.append(
        "manifest:  \(entry.digest) \(ProgressBar.size(entry.size))"
          + (entry.platform.map { " \($0)" } ?? ""))
    }
    for layer in manifest.layers {
      lines.append("layer:     \(layer.digest) \(ProgressBar.size(layer.size))")
    }
    if let subject = manifest.subject { lines.append("subject:   \(subject.digest)") }
    for (name, value) in manifest.annotations.sorted(by: { $0.key < $1.key }) {
      lines.append("annotation: \(name)=\(value)")
    }
    return lines.joined(separator: "\n")
  }

  var json: OrderedJSON {
    var json = OrderedJSON.object([])
    json["digest"] = .string("\(document.digest)")
    json["mediaType"] = .string("\(document.mediaType)")
    if let config {
      json["platform"] = .string("\(config.platform)")
      json["config"] = configBytes.flatMap { try? OrderedJSON(parsing: $0) }
    }
    if manifest.kind == .index { json["manifests"] = .array(manifest.manifests.map(\.json)) }
    if manifest.kind != .index { json["layers"] = .array(manifest.layers.map(\.json)) }
    if let subject = manifest.subject { json["subject"] = subject.json }
    json["manifest"] = try? OrderedJSON(parsing: document.bytes)
    return json
  }
}
