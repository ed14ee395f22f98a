import ImageTransfer

/// `runc:DIR`: a bundle that runc, runsc and Kata start.
public struct BundleExport: ImageExport {
  private let directory: String
  private let options: RuntimeBundle.Options

  public init(directory: String, options: RuntimeBundle.Options = RuntimeBundle.Options()) {
    self.directory = directory
    self.options = options
  }

  public func check() throws { try TemporaryPath.requireFree(directory, isDirectory: true) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TemporaryPath(for: directory).make { bundle in
      try LocalFile.makeDirectories(bundle)
      let rootPath = "\(bundle)/\(RuntimeBundle.rootName)"
      var notes = try ImageUnpacker(image: image).unpack(into: rootPath)
      let root = try RootDirectory(rootPath)
      let made = try RuntimeBundle(image.config, root: root, options: options)
      if let ids = options.rootless, made.specification.process.user.uid != 0, ids.uids.count > 1 {
        notes.append("all files belong to the container's root: its user may change only what anybody may")
      }
      try made.makeVolumes(of: root, in: bundle)
      try LocalFile.replace("\(bundle)/config.json", with: try made.json())
      notes += made.omittedLabels.map { "the label \($0) is left out: a runtime would obey it" }
      return notes
    }
  }
}
