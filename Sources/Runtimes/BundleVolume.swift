import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// A directory of the image whose content is data, not program (image-spec, config.md, property `Volumes`).
///
/// In a bundle it is a directory of its own, outside of the root file system, that is mounted at its place.
/// It begins with what the image has there, which is how Docker's volumes begin, and lives as long as the
/// bundle. (A tmpfs would hide that content and its owner, and lose the data. A mount from below `rootfs`
/// would be made by a path that the container's last run could have turned into a link to any directory of
/// the host.)
public struct BundleVolume: Sendable, Hashable {
  /// In the container; absolute, without `.` and `..`.
  public let path: String
  /// Relative to the bundle.
  public let source: String

  static let directory = "volumes"

  var mount: RuntimeSpecification.Mount {
    .init(
      destination: path, type: "bind", source: source,
      options: ["rbind", "rprivate", "nosuid", "nodev", "rw"])
  }

  /// Outer ones before those within them, as they have to be mounted. What the runtime itself mounts is no
  /// volume.
  static func all(of config: ImageConfig) -> [BundleVolume] {
    let paths = Set((config.config?.volumes ?? [:]).keys.map(ContainerProcess.clean))
    let taken = ["/proc", "/sys", "/dev"]
    return paths.filter { path in
      path != "/" && !taken.contains { path == $0 || path.hasPrefix($0 + "/") }
    }.sorted().enumerated().map { BundleVolume(path: $1, source: "\(directory)/\($0)") }
  }
}

extension RuntimeBundle {
  /// Moves what the image has at its volumes to directories beside the root file system. For once, on a
  /// bundle that was never run.
  /// - Parameters:
  ///   - root: the bundle's root file system.
  ///   - bundle: the bundle's directory, on the same file system.
  /// - Throws: `TransferError.notAnImage` if a volume's place is no directory, `.failed`
  public func makeVolumes(of root: RootDirectory, in bundle: String) throws(TransferError) {
    guard !volumes.isEmpty else { return }
    let directory = bundle + "/" + BundleVolume.directory
    guard mkdir(directory, 0o755) == 0 else { throw .system("create the directory \(directory)") }
    // Inner ones first: each leaves an empty directory behind, which the outer one takes along.
    for volume in volumes.reversed() {
      let place = try root.makeDirectory(volume.path)
      guard place != root.path else {
        throw .notAnImage("the image's volume \(volume.path) is a link to its whole root")
      }
      var status = stat()
      guard lstat(place, &status) == 0 else { throw .system("look at \(place)") }
      guard rename(place, bundle + "/" + volume.source) == 0 else {
        throw .system("move \(place) to \(bundle)/\(volume.source)")
      }
      guard mkdir(place, 0o755) == 0, lchown(place, status.st_uid, status.st_gid) == 0,
        chmod(place, status.st_mode & 0o7777) == 0
      else { throw .system("create the directory \(place)") }
    }
  }
}
