import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// `lxc:NAME`: a container directory that `lxc-execute` and `lxc-start` run, in LXC's own directory, or at the path if
/// NAME is one.
public struct LXCExport: ImageExport {
  private let directory: String
  private let name: String

  /// LXC's default `lxc.lxcpath`.
  private static let parent = "/var/lib/lxc"

  public init(_ name: String) {
    let trimmed = name.hasSuffix("/") ? String(name.dropLast()) : name
    directory = trimmed.contains("/") ? trimmed : "\(Self.parent)/\(trimmed)"
    self.name = trimmed.split(separator: "/").last.map(String.init) ?? trimmed
  }

  public func check() throws { try TemporaryPath.requireFree(directory, isDirectory: true) }

  public func export(_ image: StagedImage) throws -> [String] {
    let final = try LocalFile.absolute(directory)
    return try TemporaryPath(for: directory).make { container in
      try LocalFile.makeDirectories(container)
      let rootPath = "\(container)/rootfs"
      var notes = try ImageUnpacker(image: image).unpack(into: rootPath)
      let root = try RootDirectory(rootPath)
      let made = try LXCContainer(image.config, name: name, root: root, rootPath: "\(final)/rootfs")
      try ContainerProcess(image.config, in: root).makeWorkingDirectory(in: root)
      try LocalFile.replace("\(container)/config", with: Array(made.text.utf8))
      notes += made.shortcomings
      return notes
    }
  }
}
