import Archive
import ContainerImage

/// What has to be known of an image's entries before any of them is written.
struct ACISurvey: Sendable {
  /// Each name of a hard link, with the path of the file itself.
  private(set) var links: [(path: RawPath, file: RawPath)] = []
  private var files: [RawPath: RawPath] = [:]
  /// Of all that is there.
  private(set) var owners: [RawPath: (userID: Int64, groupID: Int64)] = [:]

  /// Of an image that is put over this one.
  mutating func addOwners(of other: ACISurvey) { owners.merge(other.owners) { $1 } }

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
/// ace.md, "Filesystem Setup"), with all directories, as by appc's own renderer. Of an image that others need, those that
/// their whitelists have too, with the directories on the way to them.
struct ACISelection: Sendable {
  private struct Whitelist {
    let paths: Set<RawPath>
    /// Nil for all.
    let directories: Set<RawPath>?
    /// Under which name a file of several names is written: the first that is kept.
    let names: [RawPath: RawPath]
    let files: [RawPath: RawPath]
  }

  private let whitelist: Whitelist?

  /// - Parameter dependents: the whitelists of the images that need this one.
  init(_ survey: ACISurvey, whitelist: [String], dependents: [[String]] = []) {
    let ofDependents = Self.intersection(dependents)
    guard let paths = Self.intersection(dependents + [whitelist]) else {
      self.whitelist = nil
      return
    }
    var names: [RawPath: RawPath] = [:]
    var files: [RawPath: RawPath] = [:]
    for (path, file) in survey.links {
      files[path] = file
      if names[file] == nil {
        names[file] = paths.contains(file) ? file : paths.contains(path) ? path : nil
      }
    }
    self.whitelist = Whitelist(
      paths: paths, directories: ofDependents.map(Self.withParents), names: names, files: files)
  }

  /// - Returns: nil if none of the lists has anything, and so all paths are meant.
  private static func intersection(_ lists: [[String]]) -> Set<RawPath>? {
    let sets = lists.filter { !$0.isEmpty }.map { list in
      Set(list.map { RawPath(joining: RawPath($0).components) })
    }
    guard let first = sets.first else { return nil }
    return sets.dropFirst().reduce(first) { $0.intersection($1) }
  }

  private static func withParents(_ paths: Set<RawPath>) -> Set<RawPath> {
    var all: Set<RawPath> = [RawPath("")]
    for path in paths {
      let components = path.components
      for count in 1...max(1, components.count) { all.insert(RawPath(joining: components.prefix(count))) }
    }
    return all
  }

  /// The entry as a layer has it.
  /// - Returns: nil if it is left out.
  func layerEntry(_ entry: TarEntry) -> TarEntry? {
    guard let whitelist else { return entry }
    if entry.kind == .directory {
      guard let directories = whitelist.directories else { return entry }
      return directories.contains(RawPath(joining: entry.path.components)) ? entry : nil
    }
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
