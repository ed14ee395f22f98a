import FoundationEssentials
import ImageTransfer
import Trust

/// A trust policy and the files that it names, as they are on this machine.
public enum PolicyFile {
  /// Keys, certificates and lists of revoked ones have fewer bytes.
  private static let largestPart = 16 << 20

  /// The policy that Podman and skopeo go by, too: the user's, else the machine's.
  /// - Parameter home: the user's home directory.
  /// - Returns: nil if there is none.
  /// - Throws: `TransferError` if it cannot be found out.
  public static func standard(home: String) throws(TransferError) -> String? {
    for path in [user(home: home), machine] where try LocalFile.size(path) != nil { return path }
    return nil
  }

  static let machine = "/etc/containers/policy.json"

  static func user(home: String) -> String { "\(home)/.config/containers/policy.json" }

  /// - Parameter path: of a `policy.json`; paths in it that are relative are so to the working directory, as for
  ///   Podman and skopeo.
  /// - Throws: `TransferError.notFound` if there is no such file, `TrustError.unusable`
  public static func read(_ path: String, at time: Date) throws -> Policy {
    let bytes = try LocalFile.existing(path, atMost: Policy.maximumSize)
    return try parse(bytes, what: path, at: time)
  }

  /// A policy whose files are on this machine.
  static func parse(_ bytes: [UInt8], what: String, at time: Date) throws(TrustError) -> Policy {
    let files = PolicyFiles(
      read: { try LocalFile.existing($0, atMost: largestPart) },
      list: { try LocalFile.fileNames(in: $0) })
    return try Policy(parsing: bytes, what: what, files: files, at: time)
  }
}
