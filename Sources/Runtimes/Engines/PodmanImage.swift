import Archive
import ContainerImage
import ImageTransfer

/// `podman:REFERENCE` as a destination: an OCI archive for `podman load`, into the storage of the user who runs this.
public struct PodmanExport: ImageExport {
  private let name: String
  private let podman: EngineProgram

  /// - Parameter name: a reference; podman completes one that has no registry as it does with its own.
  public init(_ name: String, _ environment: EngineEnvironment) {
    self.name = name
    podman = EngineProgram(name: "podman", package: "podman", environment: environment)
  }

  public func check() throws { _ = try podman.path() }

  public func export(_ image: StagedImage) throws -> [String] {
    try podman.feed(["load", "--quiet"]) { sink in
      let writer = try TarWriter(to: sink)
      try OCIArchiveExport.write(image, name: name, to: writer)
      try writer.finish()
    }
    return []
  }
}

/// `podman:REFERENCE` as a source: the OCI archive of `podman save`. Its storage has layers uncompressed only, which are
/// compressed anew: the image's ID stays, the manifest's digest may not.
public struct PodmanImport: ImageImport {
  private let name: String
  private let podman: EngineProgram

  /// - Parameter name: a reference, in any form that podman knows the image by.
  public init(_ name: String, _ environment: EngineEnvironment) {
    self.name = name
    podman = EngineProgram(name: "podman", package: "podman", environment: environment)
  }

  public var description: String { "podman:\(name)" }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    if let words = try podman.denial(["image", "exists", name]) {
      throw TransferError.notFound(
        "podman has no image \(name): 'podman images' lists those that it has"
          + (words.isEmpty ? "" : "; it says: \(words)"))
    }
    let archive = ImageArchive(stream: description) { body in
      try podman.read(["save", "--quiet", "--format", "oci-archive", name], body)
    }
    return try OCIArchiveImport(archive, name: nil, description: description).fill(
      layout, limits: limits, check: check)
  }
}
