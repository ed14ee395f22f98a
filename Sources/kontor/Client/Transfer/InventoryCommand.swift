import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// `kontor inventory`
struct InventoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inventory", abstract: "List what registries have, so that an archive can leave it out.",
    discussion: """
      The list has every repository with the digests of all that its tags lead to, and goes to standard output. Carried to \
      the other side of an air gap, it is what 'kontor copy --to archive:FILE --since FILE' takes. Without a repository, all \
      that the registry lists are asked for.

      Example: kontor inventory registry.example:5000 > inventory
      Example: kontor inventory registry.example/base registry.example/team/app > inventory
      """)

  @Argument(help: "REGISTRY or REGISTRY/REPOSITORY. May be repeated.") var places: [String]
  @Option(help: ArgumentHelp("How many repositories to ask for at the same time.", valueName: "n"))
  var jobs = 4
  @OptionGroup var arguments: ClientArguments

  mutating func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs is \(jobs): expected 1 to 64") }
    guard arguments.format == .text else {
      throw ValidationError(
        "--format: an inventory is a text of its own, which --since reads: leave the option out")
    }
  }

  func run() throws {
    Interruption.watch()
    let client = try arguments.client()
    let inventory = Mutex(BlobInventory())
    let wanted = try places.flatMap { try repositories($0, client) }
    let isQuiet = arguments.quiet
    try ConcurrentWork.forEach(wanted, jobs: jobs) { name, isListed in
      let image = ImageReference(registry: name.registry, repository: name.repository)
      let contents: Set<Digest>
      do {
        contents = try client.repository(image, for: .pullByTag).contents()
      } catch TransferError.notFound where isListed {
        // Registries list repositories whose last image is gone.
        contents = []
      }
      if !isQuiet { printError("\(name): \(contents.count)") }
      inventory.withLock { inventory in
        for digest in contents { inventory.add(digest, in: name) }
      }
    }
    try Self.write(Array(inventory.withLock { $0.text }.utf8))
  }

  /// Half an inventory would be carried to the other side.
  private static func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw TransferError.failed("the inventory cannot be written: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(count)
    }
  }

  /// - Returns: the repositories that a place means, and whether the registry named them.
  private func repositories(
    _ place: String, _ client: RegistryClient
  ) throws -> [(name: QualifiedRepository, isListed: Bool)] {
    let prefix = try RegistryArgument.parse { () throws(InvalidValue) in try RegistryPrefix(parsing: place) }
    if prefix.prefix != nil {
      let name = place.hasPrefix("docker://") ? place.dropFirst(9) : place[...]
      let (registry, repository) = try RegistryArgument.parse { () throws(InvalidValue) in
        try ImageReference.split(name.hasSuffix("/") ? name.dropLast() : name)
      }
      return [(QualifiedRepository(registry: registry, repository: repository), false)]
    }
    return try client.repositories(of: prefix.registry).map { text in
      let repository = try RegistryArgument.parse { () throws(InvalidValue) in
        try RepositoryName(parsing: text)
      }
      return (QualifiedRepository(registry: prefix.registry, repository: repository), true)
    }
  }
}
