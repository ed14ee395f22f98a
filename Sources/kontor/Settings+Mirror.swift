import Mirroring

extension Settings {
  /// - Returns: nil if nothing is mirrored.
  /// - Throws: `ConfigurationError` for a file that cannot be used.
  func upstreams() throws(ConfigurationError) -> UpstreamList? {
    guard let mirrorUpstreams else { return nil }
    do {
      return try UpstreamList(
        parsing: try Self.read(mirrorUpstreams, "mirror.upstreams"), what: mirrorUpstreams)
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("mirror.upstreams: \(error)")
    }
  }
}
