import ImageTransfer

/// `nspawn:NAME`: a directory that `systemd-nspawn` and `machinectl` run, with its settings file: in systemd's own
/// directories, or at the path, with `NAME.nspawn` beside it, if NAME is one.
public struct NspawnExport: ImageExport {
  private let directory: String
  private let settings: String

  public init(_ name: String) {
    let trimmed = name.hasSuffix("/") ? String(name.dropLast()) : name
    if trimmed.contains("/") {
      directory = trimmed
      settings = "\(trimmed).nspawn"
    } else {
      directory = "/var/lib/machines/\(trimmed)"
      settings = "/etc/systemd/nspawn/\(trimmed).nspawn"
    }
  }

  public func check() throws {
    try TemporaryPath.requireFree(directory, isDirectory: true)
    if try LocalFile.size(settings) != nil {
      throw TransferError.exists("\(settings) is there already: remove it, or name another place")
    }
  }

  public func export(_ image: StagedImage) throws -> [String] {
    try TemporaryPath(for: directory).make { tree in
      var notes = try ImageUnpacker(image: image).unpack(into: tree)
      let root = try RootDirectory(tree)
      let made = try NspawnSettings(image.config, root: root)
      try ContainerProcess(image.config, in: root).makeWorkingDirectory(in: root)
      if let slash = settings.lastIndex(of: "/") { try LocalFile.makeDirectories(String(settings[..<slash])) }
      try LocalFile.replace(settings, with: Array(made.text.utf8))
      notes += made.shortcomings
      return notes
    }
  }
}
