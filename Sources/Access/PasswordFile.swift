import ContainerImage

/// Users and the hashes of their passwords, as Apache's `htpasswd -B` writes them: lines `user:hash`. Empty lines and those
/// that begin with `#` are left out.
public struct PasswordFile: Sendable {
  /// Bytes of such a file.
  public static let maximumSize = 16 << 20

  private let hashes: [ExactText: PasswordHash]

  /// - Parameter what: the file, as the subject of a sentence.
  /// - Throws: `AccessError.unusable` with the line, `AccessError.tooLarge`. No message has a hash.
  public init(parsing bytes: [UInt8], what: String) throws(AccessError) {
    guard bytes.count <= Self.maximumSize else { throw .tooLarge(what: what, limit: Self.maximumSize) }
    var hashes: [ExactText: PasswordHash] = [:]
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      let isEmpty = line.allSatisfy { $0 == 0x20 || $0 == 0x09 }
      if isEmpty || line.first == UInt8(ascii: "#") { continue }
      do throws(InvalidValue) {
        let (user, hash) = try Self.entry(line)
        guard hashes.updateValue(hash, forKey: ExactText(user)) == nil else {
          throw .malformed("the user \(user.quotedForMessage) is there twice")
        }
      } catch {
        throw .unusable(what: what, reason: "line \(index + 1): \(error)")
      }
    }
    self.hashes = hashes
  }

  private static func entry(_ line: ArraySlice<UInt8>) throws(InvalidValue) -> (String, PasswordHash) {
    guard let text = String(validating: line, as: UTF8.self) else { throw .malformed("it is not UTF-8") }
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      throw .malformed("the colon between user and hash is missing")
    }
    let user = String(decoding: text.utf8[..<colon], as: UTF8.self)
    if let problem = user.problemAsName { throw .malformed(problem) }
    let hash = String(decoding: text.utf8[text.utf8.index(after: colon)...], as: UTF8.self)
    return (user, try PasswordHash(parsing: hash))
  }

  public subscript(user: String) -> PasswordHash? { hashes[ExactText(user)] }

  public var count: Int { hashes.count }

  /// The highest cost of a hash in it, for `PasswordHash.ofNobody(cost:)`; nil without any.
  public var highestCost: Int? { hashes.values.lazy.map(\.cost).max() }
}
