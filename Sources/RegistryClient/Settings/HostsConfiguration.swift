import ContainerImage

/// containerd's settings for one registry (containerd, docs/hosts.md): the servers that have its images, of the
/// directory `/etc/containerd/certs.d/<registry>`.
public struct HostsConfiguration: Sendable, Hashable {
  enum Capability: String, CaseIterable {
    case pull, resolve, push, referrers
  }

  struct Host: Sendable, Hashable {
    /// nil for the registry itself.
    var server: Server?
    var capabilities = Set(Capability.allCases)
    var certificates = RegistryCertificates()
    var skipsVerification: Bool?
    var headers: [RegistryEndpoint.Header] = []

    /// Whether TLS is spoken of: then a server that is named with `http://` is asked over TLS first, unless at port 80.
    var configuresTLS: Bool { !certificates.isEmpty || skipsVerification != nil }
  }

  struct Server: Sendable, Hashable {
    var scheme: RegistryEndpoint.Scheme
    var host: RegistryHost
    var apiPath: String
  }

  /// The directory that was read.
  let directory: String
  /// In the order of the file; the last one is the registry itself, or the server that is to be asked in its stead.
  let hosts: [Host]

  /// - Returns: nil if containerd has no directory for the registry, and none for all.
  /// - Throws: `SettingsError.unreadable`; `.malformed` also where containerd writes a line to its log and goes on
  ///   without the file: to ask a registry that a mirror should stand in for is not what the user wants.
  public static func read(
    for registry: String, _ environment: UserEnvironment
  ) throws(SettingsError) -> HostsConfiguration? {
    let root = environment.machine("/etc/containerd/certs.d")
    for name in directoryNames(registry) {
      let directory = "\(root)/\(name)"
      guard try SettingsFile.names(in: directory) != nil else { continue }
      if let text = try SettingsFile.text(directory + "/hosts.toml"), !text.isEmpty {
        return HostsConfiguration(directory: directory, hosts: try HostsFile.parse(text, directory))
      }
      var host = Host()
      host.certificates = try CertificateDirectories.read(directory, requiresKeys: false) ?? host.certificates
      return HostsConfiguration(directory: directory, hosts: [host])
    }
    return nil
  }

  /// `registry.example_5000_`, `registry.example:5000`, `_default`
  private static func directoryNames(_ registry: String) -> [String] {
    var names = [registry, "_default"]
    if let colon = registry.lastIndex(of: ":"), !registry.hasSuffix("]") {
      names.insert("\(registry[..<colon])_\(registry[registry.index(after: colon)...])_", at: 0)
    }
    return names
  }

  /// The hosts that may be asked.
  func hosts(for operation: RegistryOperation) -> [Host] {
    let needed: Set<Capability> =
      switch operation {
      // What is asked for the tag is asked for the content too.
      case .pullByTag: [.resolve, .pull]
      case .pullByDigest: [.pull]
      case .push: [.push]
      }
    return hosts.filter { needed.isSubset(of: $0.capabilities) }
  }
}
