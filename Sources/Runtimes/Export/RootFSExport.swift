import Archive
import ImageTransfer

/// `rootfs:DIR`: the image's file system, for chroot and namespaces.
public struct RootFSExport: ImageExport {
  private let directory: String

  public init(directory: String) { self.directory = directory }

  public func check() throws { try TemporaryPath.requireFree(directory, isDirectory: true) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TemporaryPath(for: directory).make { try ImageUnpacker(image: image).unpack(into: $0) }
  }
}
