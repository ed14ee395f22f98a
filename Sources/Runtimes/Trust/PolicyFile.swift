import FoundationEssentials
import ImageTransfer
import Trust

/// A trust policy and the files that it names, as they are on this machine.
public enum PolicyFile {
  /// Keys, certificates and lists of revoked ones have fewer bytes.
  private static let largestPart = 16 << 20

  /// - Parameter path: of a `policy.json`; paths in it that are relative are so to the working directory, as for
  ///   Podman and skopeo.
  /// - Throws: `TransferError.notFound` if there is no such file, `TrustError.invalidPolicy`
  public static func read(_ path: String, at time: Date) throws -> Policy {
    guard let bytes = try LocalFile.contents(path, atMost: Policy.maximumSize) else {
      throw TransferError.notFound("there is no file \(path)")
    }
    let files = PolicyFiles(
      read: { path in
        guard let bytes = try LocalFile.contents(path, atMost: largestPart) else {
          throw TransferError.notFound("there is no file \(path)")
        }
        return bytes
      },
      list: { try LocalFile.fileNames(in: $0) })
    return try Policy(parsing: bytes, what: path, files: files, at: time)
  }
}
