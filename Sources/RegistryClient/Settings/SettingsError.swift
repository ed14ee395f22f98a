import ContainerImage
import ImageTransfer

/// What is wrong with the settings of the user's machine. No message has a password, a token or a file's content.
public enum SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A file or directory is there but cannot be read.
  case unreadable(path: String, reason: String)
  /// A file does not say what its format wants.
  case malformed(path: String, reason: String)
  /// Credentials could not be written; what was there before is unchanged.
  case unwritable(path: String, reason: String)
  /// A `docker-credential-NAME` program failed.
  case helper(name: String, reason: String)
  /// `registries.conf` forbids the image.
  case blocked(image: String, prefix: String)
  /// The settings leave no registry to ask.
  case noEndpoint(image: String, reason: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .malformed(let path, let reason): "\(path): \(reason)"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    case .helper(let name, let reason): "the credential helper docker-credential-\(name) \(reason)"
    case .blocked(let image, let prefix):
      "\(image) is blocked: registries.conf has blocked = true for \(prefix.quotedForMessage)"
    case .noEndpoint(let image, let reason): "no registry may be asked for \(image): \(reason)"
    }
  }

  /// The same for the user of a command.
  public var transferError: TransferError {
    if case .blocked = self { return .denied(description) }
    return .failed(description)
  }
}
