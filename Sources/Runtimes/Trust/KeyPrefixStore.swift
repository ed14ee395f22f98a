import FoundationEssentials
import ImageTransfer
import Trust

#if canImport(Glibc)
  import Glibc
#endif

/// The keys that may sign App Container images, in directories that rkt has too (its signing-and-verification guide, section
/// "Key storage locations"):
///
///     DIRECTORY/root.d/FINGERPRINT               for every image
///     DIRECTORY/prefix.d/example.com/FINGERPRINT for images whose names are example.com or begin with example.com/
///
/// A file has one armored key, and as its name the key's fingerprint. An empty file takes away the trust that an earlier directory
/// gives the key of its name: in `root.d` for every image, in `prefix.d` for those of the prefix.
public struct KeyPrefixStore: Sendable {
  /// What came with the system, and what its administrator adds.
  public static let rktDirectories = ["/usr/lib/rkt/trustedkeys", "/etc/rkt/trustedkeys"]

  /// Which images a key is trusted for.
  public enum Scope: Sendable, Hashable {
    case everyImage
    case prefix(KeyPrefix)

    fileprivate var path: String {
      switch self {
      case .everyImage: "root.d"
      case .prefix(let prefix): "prefix.d/\(prefix)"
      }
    }
  }

  private let directories: [String]

  /// - Parameter directories: the last one overrides those before it. They need not be there.
  public init(directories: [String]) { self.directories = directories }

  /// The keys whose signatures count for an image.
  ///
  /// rkt compares names letter by letter, so that a key for `example.com/a` is good for `example.com/ab` too; here it is not.
  /// - Throws: `TransferError`, also if one of the files is no key or has another name: then nobody knows what was meant.
  public func keyring(for image: KeyPrefix, at time: Date) throws(TransferError) -> OpenPGPKeyring {
    var trusted: [String: OpenPGPKeyring] = [:]
    for scopes in [["root.d"], image.ancestry.map { "prefix.d/\($0)" }] {
      for directory in directories {
        for scope in scopes {
          try read("\(directory)/\(scope)", into: &trusted, at: time)
        }
      }
    }
    var keyring = OpenPGPKeyring()
    for (_, keys) in trusted.sorted(by: { $0.key < $1.key }) { keyring.add(keys) }
    return keyring
  }

  /// Trusts a key, in the last directory.
  /// - Parameter fingerprint: of a key in `keyring`.
  /// - Returns: the file's path.
  public func add(
    _ fingerprint: OpenPGPFingerprint, from keyring: OpenPGPKeyring, for scope: Scope, at time: Date
  ) throws(TransferError) -> String {
    guard let own = directories.last else { throw .failed("there is no directory for trusted keys") }
    guard
      let armored = try Self.trust(
        "the key \(fingerprint)",
        { () throws(TrustError) in
          try keyring.armored(fingerprint, at: time)
        })
    else { throw .notFound("there is no key \(fingerprint) among those that were given") }
    let directory = "\(own)/\(scope.path)"
    try LocalFile.makeDirectories(directory)
    let path = "\(directory)/\(fingerprint)"
    // rkt refuses to work if there is a file with any other name beside the keys.
    let temporary = "\(own)/\(fingerprint).\(UInt64.random(in: .min ... .max)).tmp"
    try LocalFile.replace(path, with: armored, temporary: temporary)
    // Others than root run rkt too, whatever root's umask is.
    guard chmod(path, 0o644) == 0, chmod(directory, 0o755) == 0 else {
      throw LocalFile.failure("make \(path) readable for all")
    }
    return path
  }

  private func read(
    _ directory: String, into trusted: inout [String: OpenPGPKeyring], at time: Date
  ) throws(TransferError) {
    for name in try LocalFile.fileNames(in: directory) {
      let path = "\(directory)/\(name)"
      guard let bytes = try LocalFile.contents(path, atMost: OpenPGPKeyring.maximumSize) else { continue }
      if bytes.isEmpty {
        trusted[name] = nil
        continue
      }
      trusted[name] = try Self.trust(path) { () throws(TrustError) in
        let keys = try OpenPGPKeyring(parsing: bytes, at: time)
        // rkt takes the first key of a file, whatever follows.
        guard let first = keys.keys.first, first.fingerprint.description == name else {
          throw .unreadableKeys(reason: "the first key's fingerprint is not the file's name")
        }
        if keys.keys.count == 1 { return keys }
        return try OpenPGPKeyring(parsing: try keys.armored(first.fingerprint, at: time) ?? [], at: time)
      }
    }
  }

  private static func trust<Result>(
    _ what: String, _ body: () throws(TrustError) -> Result
  ) throws(TransferError) -> Result {
    do {
      return try body()
    } catch {
      throw .failed("the trusted key \(what) cannot be used: \(error)")
    }
  }
}
