import ContainerImage
import ImageTransfer

/// Whom a container's process runs as: the image's `User`, looked up in the image's own `/etc/passwd` and
/// `/etc/group` (image-spec, config.md, property `User`; in what that leaves open, as Docker does).
public struct ContainerUser: Sendable, Hashable {
  public var uid: UInt32
  public var gid: UInt32
  /// The primary group, then the others, each once. A process without its primary group among these would
  /// pass permissions that are taken from just that group.
  public var additionalGroups: [UInt32]
  /// As `/etc/passwd` has it; nil for a number that it does not know.
  public var name: String?
  /// `/` for whom `/etc/passwd` does not know.
  public var home: String
  /// Whether the groups are those that `/etc/passwd` and `/etc/group` give the user, or the image names one
  /// itself.
  public var hasOwnGroups: Bool

  /// `/etc/passwd` and `/etc/group` with more bytes are refused.
  private static let limit = 1 << 20
  /// The last one means "unchanged" to the kernel.
  private static let largestID = UInt32.max - 1

  /// - Parameter text: `user`, `uid`, `user:group` or a mixture; empty or nil is uid 0. A number needs no
  ///   entry.
  /// - Throws: `TransferError.notAnImage` if a name is not in the image, a number is too large, or the files
  ///   cannot be used; `.failed`
  public init(_ text: String?, in root: RootDirectory) throws(TransferError) {
    let parts = (text ?? "").utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    guard parts.count <= 2 else {
      throw .notAnImage(
        "the image's user \((text ?? "").quotedForMessage) is malformed: expected user, uid, user:group or uid:gid"
      )
    }
    let wanted = parts.first ?? ""
    let wantedGroup = parts.count > 1 ? parts[1] : ""
    let number = try Self.number(wanted.isEmpty ? "0" : wanted)

    let account = try Self.accounts(root).first { $0.name == wanted || $0.uid == number }
    guard let uid = account?.uid ?? number else {
      throw .notAnImage(
        "the image is to run as the user \(wanted.quotedForMessage), whom its /etc/passwd does not have")
    }
    self.uid = uid
    name = account?.name
    home = account.map { $0.home.isEmpty ? "/" : $0.home } ?? "/"
    hasOwnGroups = wantedGroup.isEmpty

    if wantedGroup.isEmpty {
      gid = account?.gid ?? 0
      additionalGroups = [gid]
      guard let account else { return }
      for group in try Self.groups(root) where group.members.contains(account.name) {
        if !additionalGroups.contains(group.gid) { additionalGroups.append(group.gid) }
      }
    } else {
      let number = try Self.number(wantedGroup)
      let group = try Self.groups(root).first { $0.name == wantedGroup || $0.gid == number }
      guard let gid = group?.gid ?? number else {
        throw .notAnImage(
          "the image is to run with the group \(wantedGroup.quotedForMessage), which its /etc/group does not have"
        )
      }
      self.gid = gid
      additionalGroups = [gid]
    }
  }

  /// - Returns: nil if it is no number but a name.
  /// - Throws: `TransferError.notAnImage` if it is too large.
  private static func number(_ text: String) throws(TransferError) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
      return nil
    }
    guard let number = UInt32(text), number <= largestID else {
      throw .notAnImage("the image's user or group \(text.quotedForMessage) is larger than \(largestID)")
    }
    return number
  }

  private typealias Account = (name: String, uid: UInt32, gid: UInt32, home: String)
  private typealias Group = (name: String, gid: UInt32, members: [String])

  /// passwd(5). Lines that are none are passed over: to take a broken number for 0 would make somebody root.
  private static func accounts(_ root: RootDirectory) throws(TransferError) -> [Account] {
    try lines(of: "/etc/passwd", in: root).compactMap { fields in
      guard fields.count >= 4, let uid = id(fields[2]), let gid = id(fields[3]) else { return nil }
      return (fields[0], uid, gid, fields.count > 5 ? fields[5] : "")
    }
  }

  /// group(5)
  private static func groups(_ root: RootDirectory) throws(TransferError) -> [Group] {
    try lines(of: "/etc/group", in: root).compactMap { fields in
      guard fields.count >= 3, let gid = id(fields[2]) else { return nil }
      let members = fields.count > 3 ? fields[3].utf8.split(separator: UInt8(ascii: ",")) : []
      return (fields[0], gid, members.map { String(Substring($0)) })
    }
  }

  private static func id(_ text: String) -> UInt32? { (try? number(text)) ?? nil }

  /// The fields of each line; of none if there is no such file. Bytes, not characters, are what separates.
  private static func lines(of file: String, in root: RootDirectory) throws(TransferError) -> [[String]] {
    guard let bytes = try root.read(file, limit: limit) else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).map { line in
      let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      return text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    }.filter { $0.first?.isEmpty == false }
  }
}
