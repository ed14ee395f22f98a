import ImageTransfer
import Trust

#if canImport(Glibc)
  import Glibc
#endif

extension PolicyPlace {
  /// An image in a file or directory of this machine, whose scopes are those of the real path.
  /// - Parameter name: what the image is called there; nil if it has no name.
  /// - Throws: `TransferError.notFound`, `.failed` for a path that cannot be looked at.
  public static func file(
    _ path: String, named name: String? = nil, in transport: String
  ) throws(TransferError) -> PolicyPlace {
    guard let real = realpath(path, nil) else {
      let missing = errno == ENOENT || errno == ENOTDIR
      throw missing ? .notFound("\(path) is not there") : LocalFile.failure("look at \(path)")
    }
    defer { free(real) }
    return .path(String(cString: real), named: name, in: transport)
  }
}
