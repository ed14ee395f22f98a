import ArgumentParser
import ContainerImage
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes
import Trust

/// By which policy images are trusted that are copied.
struct TrustArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The policy.json that the image has to satisfy where it comes from (default: ~/.config/containers/policy.json, else "
        + "/etc/containers/policy.json, if there is one).", valueName: "policy"))
  var verify: String?

  @Flag(help: "Take the image whoever made it, and whatever a policy says.")
  var insecurePolicy = false

  mutating func validate() throws {
    if insecurePolicy, verify != nil {
      throw ValidationError("--verify and --insecure-policy exclude each other: give one of them")
    }
  }

  /// - Returns: where the image comes from, and who judges it; nil if nobody is to be asked.
  /// - Throws: `TransferError`, `TrustError` for a policy that cannot be used, `ConfigurationError`
  func judged(
    _ location: ImageLocation, _ source: any ImageSource, _ client: RegistryClient
  ) throws -> (source: any ImageSource, judge: ImageTrust?) {
    guard let path = try policyPath(for: location) else { return (source, nil) }
    let policy = try PolicyFile.read(path, at: Date())
    let pinned = try location.pinned(source, by: policy)
    return (pinned.source, try location.trust(policy, from: path, pinned.source, client))
  }

  private func policyPath(for location: ImageLocation) throws -> String? {
    if insecurePolicy { return nil }
    if location.isAppContainer {
      guard verify == nil else {
        throw ConfigurationError(
          "--verify: \(location) is an App Container image, which is verified by rkt's keys: "
            + "see 'kontor aci trust'")
      }
      return nil
    }
    return try verify ?? PolicyFile.standard(home: UserEnvironment.current().home)
  }
}

extension ImageLocation {
  /// The image that the registry's signed list of tags says, where the policy asks for such a list.
  /// - Returns: the source as it is, and no list, where it does not.
  func pinned(
    _ source: any ImageSource, by policy: Policy
  ) throws -> (source: any ImageSource, tags: VerifiedTagList?) {
    guard let registry = source as? RegistrySource, case .registry(let reference) = self,
      case .tag(let tag) = reference.manifest, let requirement = policy.freshness(of: reference)
    else { return (source, nil) }
    let memory = TagListMemory(directory: UserEnvironment.current().stateHome + "/kontor/tag-lists")
    let found = try memory.check(
      try registry.repository.signedTagList(), by: requirement, of: reference, at: Date())
    guard let target = found.list.tags[tag] else {
      throw TransferError.notFound(
        "\(reference) is not there: the registry's signed list of tags, of version \(found.list.version), does not have it"
      )
    }
    return (RegistrySource(registry.repository, root: target.digest), found)
  }

  func trust(
    _ policy: Policy, from name: String, _ source: any ImageSource, _ client: RegistryClient
  ) throws -> ImageTrust {
    let signatures: any SignatureSource & Sendable
    if let source = source as? RegistrySource {
      signatures = try client.signatures(in: source.repository)
    } else {
      signatures = SourceSignatures(source)
    }
    return ImageTrust(policy, from: name, place: try policyPlace(), signatures: signatures, at: Date())
  }

  /// In the words of containers/image, as far as it has some.
  func policyPlace() throws -> PolicyPlace {
    switch self {
    case .registry(let reference): return .registry(reference)
    case .layout(let directory, let name): return try .file(directory, named: name, in: "oci")
    case .archive(let file, let name):
      return try .file(file, named: name, in: Export.ociArchive.rawValue)
    case .export(.ociArchive, let detail):
      let (path, name) = try Self.parts(.ociArchive, detail)
      return try .file(path, named: name, in: Export.ociArchive.rawValue)
    case .export(.directory, let detail):
      return try .file(try Self.parts(.directory, detail).path, in: Export.directory.rawValue)
    case .export(.rootFSTar, _): return .unnamed(in: "tarball")
    case .export(let export, _): return .unnamed(in: export.rawValue)
    case .engine(.docker, let reference, _): return .named(reference, in: Engine.docker.rawValue)
    case .engine(.containerd, let reference, _): return .named(reference, in: Engine.containerd.rawValue)
    case .engine(.podman, _, _): return .unnamed(in: "containers-storage")
    case .discovered: return .unnamed(in: Export.aci.rawValue)
    }
  }
}
