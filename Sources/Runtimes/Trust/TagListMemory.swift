import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

/// What a user has seen of the tag lists of repositories, so that nobody can go back behind it: a file for each in a directory.
public struct TagListMemory: Sendable {
  private static let largestFile = 1 << 16

  private let directory: String

  /// - Parameter directory: made when there is something to remember.
  public init(directory: String) { self.directory = directory }

  /// Judges a list by what was seen before, and remembers it if it is good.
  /// - Parameters:
  ///   - envelope: that the registry gave for `repository`; nil if it gave none.
  ///   - now: the present.
  /// - Throws: `TransferError.notTrusted` for a list that does not count, others if it cannot be remembered: then nothing would
  ///   keep the next one from being older.
  public func check(
    _ envelope: [UInt8]?, by requirement: TagListRequirement, of repository: ImageReference, at now: Date
  ) throws(TransferError) -> VerifiedTagList {
    let name = "\(repository.registry)/\(repository.repository)"
    guard let envelope else {
      throw .notTrusted(
        "\(name) has no signed list of its tags, which \(requirement.place) of the policy asks for; a digest needs none"
      )
    }
    try LocalFile.makeDirectories(directory)
    // Of two at the same time, the one with the older list must not have the last word.
    let lock = try LocalFile.lock(directory)
    defer { lock.release() }
    let file = path(of: name)
    switch requirement.judge(envelope, of: repository, after: try mark(in: file), at: now) {
    case .bad(let reason):
      throw .notTrusted(
        "the signed list of the tags of \(name) does not count, by \(requirement.place) of the policy: \(reason); what was seen "
          + "before is in \(file)")
    case .good(let found):
      try LocalFile.replace(file, with: Self.document(found.mark, of: name))
      return found
    }
  }

  private func path(of name: String) -> String {
    // A name may be longer than a file's, and has slashes.
    "\(directory)/\(Digest(.sha256, hashing: Array(name.utf8)).encoded).json"
  }

  private static func document(_ mark: TagListMark, of name: String) -> [UInt8] {
    let document = OrderedJSON.object([
      .init(name: "repository", value: .string(name)),
      .init(name: "version", value: .literal("\(mark.version)")),
      .init(name: "keyID", value: .string(mark.keyID)),
      .init(name: "digest", value: .string("\(mark.digest)")),
    ])
    return Array(document.document.utf8)
  }

  /// - Throws: also for a file that cannot be read as one: to begin anew would be to forget.
  private func mark(in file: String) throws(TransferError) -> TagListMark? {
    guard let bytes = try LocalFile.contents(file, atMost: Self.largestFile) else { return nil }
    guard let document = try? OrderedJSON(strictlyParsing: bytes, what: file),
      case .literal(let number) = document["version"], let version = Int64(number),
      let keyID = document["keyID"]?.string, let text = document["digest"]?.string,
      let digest = try? Digest(parsing: text)
    else {
      throw .failed(
        "\(file) is damaged: it has to say which list of tags was seen last; remove it to begin anew")
    }
    return TagListMark(version: version, keyID: keyID, digest: digest)
  }
}
