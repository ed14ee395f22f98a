import Mirroring
import Replication

extension Settings {
  /// - Returns: nil if nothing is mirrored.
  /// - Throws: `ConfigurationError` for a file that cannot be used.
  func upstreams() throws(ConfigurationError) -> UpstreamList? {
    try Self.list(mirrorUpstreams, "mirror.upstreams") { bytes, path in
      try UpstreamList(parsing: bytes, what: path)
    }
  }

  /// - Parameter upstreams: whose names the rules may use.
  /// - Returns: nil if nothing is replicated.
  /// - Throws: `ConfigurationError` for a file that cannot be used.
  func replication(_ upstreams: UpstreamList?) throws(ConfigurationError) -> ReplicationList? {
    try Self.list(mirrorSync, "mirror.sync") { bytes, path in
      try ReplicationList(parsing: bytes, what: path, upstreams: upstreams)
    }
  }

  private static func list<List>(
    _ path: String?, _ key: String, _ parse: ([UInt8], String) throws -> List
  ) throws(ConfigurationError) -> List? {
    guard let path else { return nil }
    let bytes = try read(path, key)
    do {
      return try parse(bytes, path)
    } catch {
      throw ConfigurationError("\(key): \(error)")
    }
  }
}
