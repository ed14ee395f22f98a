import Archive
import ContainerImage

/// What has to be known of an image's entries before any of them is written.
struct ACISurvey {
  /// Each name of a hard link, with the path of the file itself.
  private(set) var links: [(path: RawPath, file: RawPath)] = []
  private var files: [RawPath: RawPath] = [:]
  /// Of all that is there.
  private(set) var owners: [RawPath: (userID: Int64, groupID: Int64)] = [:]

  /// - Throws: `AppContainerError.notConvertible` for a name that has a meaning in layers.
  mutating func add(_ entry: TarEntry) throws(AppContainerError) {
    if entry.path.components.contains(where: { $0.description.hasPrefix(".wh.") }) {
      throw .notConvertible(
        reason:
          "it has \(entry.path.description.quotedForMessage), a name that OCI layers mark removed files with")
    }
    owners[entry.path] = (entry.userID, entry.groupID)
    guard case .hardLink(let target) = entry.kind else { return }
    let file = files[target] ?? target
    files[entry.path] = file
    links.append((entry.path, file))
  }
}

/// Which entries of an image its root file system has in the end: those of its whitelist, if there is one (appc 0.8.11,
/// ace.md, "Filesystem Setup"). Directories are kept, as by appc's own renderer.
struct ACISelection {
  private struct Whitelist {
    let paths: Set<RawPath>
    /// Under which name a file of several names is written: the first that is kept.
    let names: [RawPath: RawPath]
    let files: [RawPath: RawPath]
  }

  private let whitelist: Whitelist?

  init(_ survey: ACISurvey, whitelist: [String]) {
    guard !whitelist.isEmpty else {
      self.whitelist = nil
      return
    }
    let paths = Set(whitelist.map { RawPath(joining: RawPath($0).components) })
    var names: [RawPath: RawPath] = [:]
    var files: [RawPath: RawPath] = [:]
    for (path, file) in survey.links {
      files[path] = file
      if names[file] == nil {
        names[file] = paths.contains(file) ? file : paths.contains(path) ? path : nil
      }
    }
    self.whitelist = Whitelist(paths: paths, names: names, files: files)
  }

  /// The entry as a layer has it.
  /// - Returns: nil if it is left out.
  func layerEntry(_ entry: TarEntry) -> TarEntry? {
    guard let whitelist, entry.kind != .directory else { return entry }
    var entry = entry
    guard case .hardLink(let target) = entry.kind else {
      guard
        let path = whitelist.names[entry.path] ?? (whitelist.paths.contains(entry.path) ? entry.path : nil)
      else { return nil }
      entry.path = path
      return entry
    }
    let file = whitelist.files[entry.path] ?? target
    guard whitelist.paths.contains(entry.path), let name = whitelist.names[file], name != entry.path else {
      return nil
    }
    entry.kind = .hardLink(target: name)
    return entry
  }
}
