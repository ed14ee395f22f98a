import ContainerImage

/// Why something of the App Container specification cannot be read, written or converted. What the source of an image's
/// bytes throws, and `ArchiveError`, are passed on as they are.
public enum AppContainerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A text is no value of a type of the specification.
  case malformed(String)
  /// A manifest's field is not what the specification allows. `field` is its path, such as `app.ports[0].name`.
  case invalidField(field: String, reason: String)
  /// The document is no manifest at all.
  case invalidManifest(reason: String)
  /// The file is no App Container Image.
  case notAnImage(reason: String)
  /// The image cannot be said in the other format.
  case notConvertible(reason: String)
  /// An image and those that it needs do not fit together. The text names the image.
  case unresolvable(String)

  public var description: String {
    switch self {
    case .malformed(let reason), .unresolvable(let reason): reason
    case .invalidField(let field, let reason): "the image manifest's field \(field): \(reason)"
    case .invalidManifest(let reason): "the image manifest \(reason)"
    case .notAnImage(let reason): "this is no App Container Image: \(reason)"
    case .notConvertible(let reason): "the image cannot be converted: \(reason)"
    }
  }
}
