import ContainerImage

/// Certificates for connections to one registry.
public struct RegistryCertificates: Sendable, Hashable {
  /// A certificate and its key, as PEM files.
  public struct Client: Sendable, Hashable {
    public let certificate: String
    /// The same file as `certificate` if it has both.
    public let key: String

    public init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// Paths of PEM files with certificate authorities, to be trusted as well as the system's.
  public var authorities: [String]
  public var clients: [Client]

  public init(authorities: [String] = [], clients: [Client] = []) {
    self.authorities = authorities
    self.clients = clients
  }

  public var isEmpty: Bool { authorities.isEmpty && clients.isEmpty }
}

/// Reads `certs.d` directories, as Docker ("Verify repository client with certificates") and containers-certs.d(5) have
/// them: `*.crt` is an authority, `NAME.cert` with `NAME.key` is a client's certificate and key.
public struct CertificateDirectories: Sendable {
  private let environment: UserEnvironment

  public init(_ environment: UserEnvironment) { self.environment = environment }

  /// Of the first directory that there is: the user's, the machine's for containers' tools, Docker's. They are not put
  /// together, as they are not by the tools that read them.
  /// - Parameter registry: as in references, with its port if it has one.
  /// - Throws: `SettingsError.malformed` for a certificate without its key or a key without its certificate,
  ///   `.unreadable`
  public func certificates(for registry: String) throws(SettingsError) -> RegistryCertificates {
    let parents = [
      environment.home + "/.config/containers/certs.d", environment.machine("/etc/containers/certs.d"),
      environment.machine("/etc/docker/certs.d"),
    ]
    for parent in parents {
      if let found = try Self.read("\(parent)/\(registry)", requiresKeys: true) { return found }
    }
    return RegistryCertificates()
  }

  /// - Parameter requiresKeys: containerd takes a `.cert` without a `.key` for a file that has both.
  /// - Returns: nil if there is no such directory.
  static func read(_ directory: String, requiresKeys: Bool) throws(SettingsError) -> RegistryCertificates? {
    guard let names = try SettingsFile.names(in: directory) else { return nil }
    var result = RegistryCertificates()
    for name in names {
      let path = directory + "/" + name
      if name.hasSuffix(".crt") {
        result.authorities.append(path)
      } else if name.hasSuffix(".cert") {
        let key = name.dropLast("cert".count) + "key"
        guard names.contains(String(key)) || !requiresKeys else {
          throw .malformed(
            path: directory,
            reason: "the key \(key) for the client certificate \(name) is missing; "
              + "the certificate of an authority has to be named *.crt")
        }
        result.clients.append(
          .init(certificate: path, key: names.contains(String(key)) ? "\(directory)/\(key)" : path))
      } else if requiresKeys, name.hasSuffix(".key") {
        let certificate = name.dropLast("key".count) + "cert"
        guard names.contains(String(certificate)) else {
          throw .malformed(
            path: directory, reason: "the client certificate \(certificate) for the key \(name) is missing")
        }
      }
    }
    return result
  }
}
