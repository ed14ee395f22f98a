import Archive
import ContainerImage
import ImageTransfer

/// `lxd-image:FILE`: a unified tarball that LXD and Incus import.
public struct LXDImageExport: ImageExport {
  private let file: String
  private let name: String

  /// - Parameter name: of the image, for its description.
  public init(file: String, name: String) {
    self.file = file
    self.name = name
  }

  public func check() throws { try TemporaryPath.requireFree(file, isDirectory: false) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TarFile(path: file).make(of: image) { tree, writer in
      let made = LXDImage(image.config, name: name)
      let metadata = Array(made.metadata.utf8)
      try writer.add(
        TarEntry(path: "metadata.yaml", kind: .file, mode: 0o644, size: Int64(metadata.count)), data: metadata
      )
      try writer.add(TarEntry(path: "templates", kind: .directory, mode: 0o755))
      try FlattenedTar.write(tree, prefix: "rootfs", ownership: TarFile.ownership, to: writer)
      return try LXDImage.shortcomings(of: RootDirectory(tree))
    }
  }
}
