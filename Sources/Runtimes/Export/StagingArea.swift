import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// A directory below the user's cache for what is on its way to one destination: the same again for the next copy to there.
public struct StagingArea: Sendable {
  public let path: String

  /// What nobody went on with for so long is removed by the next copy to anywhere.
  private static let keptSeconds = 7 * 24 * 3600

  /// - Parameters:
  ///   - destination: in words that are always the same for it.
  ///   - cache: such as `~/.cache`.
  /// - Throws: `TransferError`
  public init(for destination: String, cache: String) throws(TransferError) {
    let parent = "\(cache)/kontor/staging"
    try LocalFile.makeDirectories(parent)
    path = "\(parent)/\(Digest(hashing: Array(destination.utf8)).encoded.prefix(32))"
    Self.removeOld(in: parent, but: path)
    // If it is there.
    utimes(path, nil)
  }

  public func remove() { TemporaryPath.remove(path) }

  private static func removeOld(in parent: String, but own: String) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: parent) else { return }
    for name in names where "\(parent)/\(name)" != own {
      var status = stat()
      if stat("\(parent)/\(name)", &status) == 0, status.st_mtim.tv_sec + keptSeconds < time(nil) {
        TemporaryPath.remove("\(parent)/\(name)")
      }
    }
  }
}

/// A name beside a final one, under which something is made until it is complete.
struct TemporaryPath {
  let path: String
  private let final: String

  init(for final: String) {
    let trimmed = final.count > 1 && final.hasSuffix("/") ? String(final.dropLast()) : final
    let slash = trimmed.lastIndex(of: "/")
    let directory = slash.map { trimmed[...$0] } ?? ""
    let name = slash.map { trimmed[trimmed.index(after: $0)...] } ?? trimmed[...]
    path = "\(directory).\(name).kontor-\(getpid())"
    self.final = trimmed
  }

  /// Runs `body`, which makes what then gets the final name. Nothing is left of it when it throws.
  func make<Value>(_ body: (String) throws -> Value) throws -> Value {
    Self.remove(path)
    do {
      let value = try body(path)
      // An empty directory at the place is replaced; anything else was refused before.
      guard rename(path, final) == 0 else { throw LocalFile.failure("create \(final)") }
      return value
    } catch {
      Self.remove(path)
      throw error
    }
  }

  /// Whatever is there: a file, or a tree as an image may have it.
  static func remove(_ path: String) {
    if unlink(path) != 0, errno == EISDIR || errno == EPERM { try? TreeRemoval.remove(path) }
  }

  /// - Throws: `TransferError.exists` unless the path is free, or an empty directory.
  static func requireFree(_ path: String, isDirectory: Bool) throws(TransferError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return try requireParent(of: path) }
      throw LocalFile.failure("look at \(path)")
    }
    if isDirectory, status.st_mode & S_IFMT == S_IFDIR, try LocalFile.isEmptyOrMissing(path) { return }
    throw .exists("\(path) is there already: remove it, or name another place")
  }

  static func requireParent(of path: String) throws(TransferError) {
    let parent = path.split(separator: "/").dropLast().joined(separator: "/")
    let directory = (path.hasPrefix("/") ? "/" : "") + (parent.isEmpty && !path.hasPrefix("/") ? "." : parent)
    guard access(directory, W_OK | X_OK) == 0 else { throw LocalFile.failure("write to \(directory)") }
  }
}
