/// What an image runs on (image-spec, image-index.md, property `platform`).
public struct Platform: Sendable, Hashable, Codable {
  public var architecture: String
  public var os: String
  public var variant: String?

  public init(os: String, architecture: String, variant: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
  }
}
