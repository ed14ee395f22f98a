import AppContainer
import ContainerImage

/// Under which hosts' names the registry's images are known in appc: the repository `app/hello` is
/// `example.com/app/hello` for the host `example.com`.
public struct PublicHosts: Sendable {
  /// Without ports, in lower case; none where appc is not served. Others are not, for each name that an image is asked for by
  /// makes a file.
  public let hosts: [String]

  public init(_ hosts: [String] = []) { self.hosts = hosts }

  /// - Parameter authority: what the client called this server: `HOST[:PORT]`.
  /// - Returns: the host that the client means; the first of ours if it is none of them; nil if there are none.
  public func host(for authority: String) -> String? {
    let host = authority.lowercased().prefix { $0 != ":" }
    return hosts.contains(String(host)) ? String(host) : hosts.first
  }

  /// - Returns: nil if the name is none of this registry's.
  public func repository(of name: ACIdentifier) -> RepositoryName? {
    let text = name.description
    guard let slash = text.firstIndex(of: "/"), hosts.contains(String(text[..<slash])) else {
      return nil
    }
    return try? RepositoryName(parsing: text[text.index(after: slash)...])
  }
}
