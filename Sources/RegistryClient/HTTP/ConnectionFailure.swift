/// Why a server could not be asked, or its answer did not come to its end.
struct ConnectionFailure: Error {
  enum Kind {
    /// Nothing answers, or the connection broke: another try may work.
    case network
    /// What answers does not speak TLS.
    case noTLS
    /// The server's certificate is not trusted.
    case untrusted
    /// What asks makes no sense, or what came is no HTTP.
    case invalid
    /// The user stopped it.
    case cancelled
  }

  var kind: Kind
  /// For the user.
  var reason: String
}
