import ContainerImage

/// What a document of the specification is (appc 0.8.11, types.md, "AC Kind Type").
public enum ACKind: String, Sendable, Hashable, CaseIterable {
  case imageManifest = "ImageManifest"
  case podManifest = "PodManifest"

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    guard let kind = ACKind(rawValue: text) else {
      throw .malformed("\(text.quotedForMessage) is no AC kind: expected ImageManifest or PodManifest")
    }
    self = kind
  }
}
