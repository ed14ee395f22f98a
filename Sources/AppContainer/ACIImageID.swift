import ContainerImage

/// The hash of an image's uncompressed archive, `sha512-<hexadecimal>` (appc 0.8.11, types.md, "Image ID Type"): in full,
/// or abbreviated from its start as rkt does.
public struct ACIImageID: Sendable, Hashable, CustomStringConvertible {
  /// Lower-case hexadecimal digits: 128 of a whole ID, at least 64 of an abbreviation.
  public let hexadecimal: String

  private static let prefix = "sha512-"
  private static let wholeLength = 128
  /// What rkt's store names images by, and shows; 256 bits, which nobody can find another image for.
  private static let keyLength = 64

  /// - Throws: `AppContainerError.malformed`
  public init(parsing text: String) throws(AppContainerError) {
    let digits = text.dropFirst(Self.prefix.count).lowercased()
    guard text.hasPrefix(Self.prefix), (Self.keyLength...Self.wholeLength).contains(digits.count),
      digits.unicodeScalars.allSatisfy({ ("0"..."9").contains($0) || ("a"..."f").contains($0) })
    else {
      throw .malformed(
        "\(text.quotedForMessage) is not an image ID: expected sha512- and 128 hexadecimal digits (or the first 64 "
          + "or more of them)")
    }
    hexadecimal = digits
  }

  /// - Parameter digest: of the uncompressed archive; nil is returned if it is none by SHA-512.
  public init?(_ digest: Digest) {
    guard digest.algorithm == .sha512 else { return nil }
    hexadecimal = String(digest.encoded)
  }

  public var description: String { Self.prefix + hexadecimal }

  public var isWhole: Bool { hexadecimal.count == Self.wholeLength }

  /// As rkt's store has it: the first 64 digits.
  public var rktKey: String { Self.prefix + hexadecimal.prefix(Self.keyLength) }

  /// As `rkt fetch` prints it: the first 32 digits.
  public var short: String { Self.prefix + hexadecimal.prefix(32) }

  /// Whether both can be the same image's: equal, or one an abbreviation of the other.
  public func matches(_ other: ACIImageID) -> Bool {
    hexadecimal.hasPrefix(other.hexadecimal) || other.hexadecimal.hasPrefix(hexadecimal)
  }
}
