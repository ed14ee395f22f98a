import ContainerImage

/// An ACI that was made of an image, and is a blob of the image's repository.
public struct ConvertedACI: Sendable, Equatable {
  /// A detached signature.
  public struct Signature: Sendable, Equatable {
    /// ASCII-armored.
    public let armored: String
    /// The fingerprint of the key that made it.
    public let fingerprint: String

    public init(armored: String, fingerprint: String) {
      self.armored = armored
      self.fingerprint = fingerprint
    }
  }

  /// What it is called, and how it was made: the manifest it was made of may have several.
  public struct Key: Sendable, Hashable {
    public let repository: RepositoryName
    public let manifest: Digest
    /// The appc name.
    public let name: String
    /// The label `version`.
    public let version: String
    /// Of the way to convert.
    public let revision: Int64

    public init(
      repository: RepositoryName, manifest: Digest, name: String, version: String, revision: Int64
    ) {
      self.repository = repository
      self.manifest = manifest
      self.name = name
      self.version = version
      self.revision = revision
    }
  }

  public let blob: Digest
  /// The image ID: `sha512-` and the digest of the uncompressed archive (appc, "Image ID Type").
  public let imageID: String
  /// The label `os`.
  public let os: String?
  /// The label `arch`.
  public let architecture: String?
  public var signature: Signature?

  public init(
    blob: Digest, imageID: String, os: String?, architecture: String?, signature: Signature? = nil
  ) {
    self.blob = blob
    self.imageID = imageID
    self.os = os
    self.architecture = architecture
    self.signature = signature
  }
}
