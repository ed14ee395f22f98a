import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

#if canImport(Glibc)
  import Glibc
#endif

extension PolicyFile {
  /// What became of a policy's file.
  public struct Edit: Sendable {
    public let path: String
    /// Whether it was not there.
    public let isNew: Bool
    /// Of a new one: the file that it began as a copy of; nil if it began with accepting any image.
    public let beginning: String?
    public let policy: Policy
    /// What containers/image refuses in it; nil if nothing.
    public let addition: String?
  }

  private static let acceptingAnything = #"{"default": [{"type": "insecureAcceptAnything"}]}"#

  /// Changes a policy. One that is not there begins as what is in force without it: the user's as a copy of the machine's, so that
  /// the machine's rules go on to count.
  ///
  /// The file has its new content only if that is a policy that can be used, and then all of it. It keeps its mode and its owner, and
  /// links to it stay links. Changes of several processes come one after the other.
  /// - Parameters:
  ///   - given: the file's path; nil for the user's.
  ///   - home: the user's home directory.
  /// - Throws: what `change` throws, `TransferError`; then the file is as it was.
  public static func edit(
    _ given: String?, home: String, at time: Date,
    _ change: (inout PolicyEditor) throws(TransferError) -> Void
  ) throws(TransferError) -> Edit {
    let path = try LocalFile.absolute(given ?? user(home: home))
    if given == nil { try LocalFile.makeDirectories(LocalFile.directory(of: path)) }
    let file = try LocalFile.resolved(path)
    let lock = try LocalFile.lock(LocalFile.directory(of: file))
    defer { lock.release() }

    var bytes = try LocalFile.contents(file, atMost: Policy.maximumSize)
    let isNew = bytes == nil
    if isNew, given == nil { bytes = try LocalFile.contents(machine, atMost: Policy.maximumSize) }
    let beginning = isNew && bytes != nil ? machine : nil
    var editor: PolicyEditor
    do {
      editor = try PolicyEditor(parsing: bytes ?? Array(acceptingAnything.utf8))
    } catch {
      throw .failed("\(beginning ?? path) cannot be changed: \(error)")
    }
    try change(&editor)
    let content = Array(editor.text.utf8)
    let policy: Policy
    do {
      policy = try parse(content, what: path, at: time)
    } catch {
      throw .failed("nothing is changed, for the policy would be none that can be gone by: \(error)")
    }
    try LocalFile.replace(file, with: content, keepsOwner: true)
    return Edit(
      path: path, isNew: isNew, beginning: beginning, policy: policy, addition: editor.addition)
  }
}
