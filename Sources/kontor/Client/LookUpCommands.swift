import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient

/// `kontor tags`
struct TagsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tags", abstract: "List the tags of a repository.",
    discussion: "Example: kontor tags localhost:5000/hello")

  @Argument(help: "[REGISTRY/]NAME") var repository: String
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let reference = try RegistryArgument.reference(repository)
    let tags = try arguments.client().repository(reference, for: .pullByTag).tags()
    printList(tags, "tags", arguments.format)
  }
}

/// `kontor repos`
struct ReposCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repos", abstract: "List the repositories of a registry.",
    discussion: "Example: kontor repos localhost:5000")

  @Argument(help: "HOST[:PORT]") var registry: String
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let names = try arguments.client().repositories(of: try RegistryArgument.registry(registry))
    printList(names, "repositories", arguments.format)
  }
}

/// `kontor referrers`
struct ReferrersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "referrers", abstract: "List what refers to an image: signatures, SBOMs, attestations.",
    discussion: "Example: kontor referrers localhost:5000/hello:v1 --artifact-type application/spdx+json")

  @Argument(help: "The image: [REGISTRY/]NAME[:TAG][@DIGEST].") var reference: String
  @Option(help: ArgumentHelp("Only those of this type.", valueName: "type")) var artifactType: String?
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let image = try RegistryArgument.reference(reference)
    let repository = try arguments.client().repository(image, for: .pull(image))
    let digest = try image.digest ?? repository.manifest().digest
    let found = try repository.referrers(of: digest, artifactType: artifactType)
    switch arguments.format {
    case .text: for entry in found { print("\(entry.digest) \(entry.artifactType ?? "\(entry.mediaType)")") }
    case .json: print(OrderedJSON.array(found.map(\.json)).line)
    }
  }
}

/// `kontor delete`
struct DeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a tag, or an image by its digest.",
    discussion: """
      With a tag only the tag goes; with a digest the image goes, with all its tags.

      Example: kontor delete localhost:5000/hello:v1
      """)

  @Argument(help: "[REGISTRY/]NAME:TAG or [REGISTRY/]NAME@DIGEST") var reference: String
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let image = try RegistryArgument.reference(reference)
    // "latest" must be meant to be deleted.
    guard image.tag != nil || image.digest != nil else {
      throw ConfigurationError("\(reference) has no tag and no digest: say which one to delete")
    }
    try arguments.client().repository(image, for: .push).delete(image.manifest)
  }
}

/// `kontor tag`
struct TagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Give an image further tags, in its repository.",
    discussion: "Example: kontor tag localhost:5000/hello:v1.2.3 v1.2 v1 latest")

  @Argument(help: "The image: [REGISTRY/]NAME[:TAG][@DIGEST].") var reference: String
  @Argument(help: "The tags.") var tags: [String]
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let image = try RegistryArgument.reference(reference)
    let names = try tags.map { text throws(ConfigurationError) in
      try RegistryArgument.parse { () throws(InvalidValue) in try Tag(parsing: text) }
    }
    let repository = try arguments.client().repository(image, for: .push)
    let manifest = try repository.manifest()
    for name in names { try repository.put(manifest, as: .tag(name)) }
    print("\(manifest.digest)")
  }
}

/// Names of registries and images on the command line.
enum RegistryArgument {
  static func reference(_ text: String) throws(ConfigurationError) -> ImageReference {
    guard case .registry(let reference) = try ImageLocation(parsing: text) else {
      throw ConfigurationError("\(text) is not in a registry: expected [REGISTRY/]NAME[:TAG][@DIGEST]")
    }
    return reference
  }

  static func registry(_ text: String) throws(ConfigurationError) -> String {
    try parse { () throws(InvalidValue) in
      let host = text.hasPrefix("docker://") ? text.dropFirst(9) : text[...]
      return try ImageReference.registry(parsing: host.hasSuffix("/") ? host.dropLast() : host)
    }
  }

  static func parse<Value>(_ body: () throws(InvalidValue) -> Value) throws(ConfigurationError) -> Value {
    do {
      return try body()
    } catch {
      throw ConfigurationError("\(error)")
    }
  }
}

/// Prints a list for people, a line each, or for programs.
func printList(_ elements: [String], _ name: String, _ format: OutputFormat) {
  switch format {
  case .text: for element in elements { print(element) }
  case .json:
    var json = OrderedJSON.object([])
    json[name] = .array(elements.map { .string($0) })
    print(json.line)
  }
}
