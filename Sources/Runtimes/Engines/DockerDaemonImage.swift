import Archive
import ContainerImage
import ImageTransfer

/// `docker-daemon:NAME[:TAG]` as a destination: what `docker load` does.
public struct DockerDaemonExport: ImageExport {
  private let name: String
  private let daemon: DockerDaemon

  /// - Throws: `TransferError`
  public init(_ reference: ImageReference, _ environment: EngineEnvironment) throws(TransferError) {
    name = "\(reference.withTag)"
    daemon = try DockerDaemon(environment)
  }

  public func check() throws { try daemon.check() }

  public func export(_ image: StagedImage) throws -> [String] {
    try daemon.load { try DockerArchiveExport.write(image, reference: name, to: $0) }
    return []
  }
}

/// `docker-daemon:NAME[:TAG]` as a source: what `docker save` does.
public struct DockerDaemonImport: ImageImport {
  private let archive: DockerArchiveImport

  /// - Throws: `TransferError`
  public init(_ reference: ImageReference, _ environment: EngineEnvironment) throws(TransferError) {
    let daemon = try DockerDaemon(environment)
    // Without a tag Docker would give all that the name has.
    let name = "\(reference.withTag)"
    let description = "docker-daemon:\(name)"
    archive = DockerArchiveImport(
      ImageArchive(stream: description) { try daemon.save(name, $0) }, reference: nil,
      description: description)
  }

  public var description: String { archive.description }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    try archive.fill(layout, limits: limits, check: check)
  }
}

extension ImageReference {
  /// With the tag `latest` if it has neither a tag nor a digest.
  var withTag: ImageReference {
    guard tag == nil, digest == nil else { return self }
    return ImageReference(registry: registry, repository: repository, tag: .latest)
  }
}
