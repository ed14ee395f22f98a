/// One entry of a tar archive, without its data.
public struct TarEntry: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case file
    case directory
    case symbolicLink(target: RawPath)
    /// Another name for the entry of the path `target`, which came before.
    case hardLink(target: RawPath)
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
    case socket
  }

  /// Part of a sparse file that has data; between the regions are holes.
  public struct Region: Sendable, Hashable {
    public var offset: Int64
    public var length: Int64

    public init(offset: Int64, length: Int64) {
      self.offset = offset
      self.length = length
    }
  }

  /// As the archive has it: may be absolute, contain `..` or end with a slash.
  public var path: RawPath
  public var kind: Kind
  /// The lowest 12 bits: permissions, set-user-id, set-group-id, sticky.
  public var mode: UInt16
  public var userID: Int64
  public var groupID: Int64
  public var userName: String?
  public var groupName: String?
  public var modificationTime: FileTime
  /// Bytes, holes included; 0 for what is no file.
  public var size: Int64
  /// Extended attributes: name and value.
  public var extendedAttributes: [RawPath: [UInt8]]
  /// Of a sparse file, where it has data; nil for a file without holes.
  public var regions: [Region]?

  public init(
    path: RawPath, kind: Kind, mode: UInt16, userID: Int64 = 0, groupID: Int64 = 0,
    modificationTime: FileTime = FileTime(seconds: 0), size: Int64 = 0,
    extendedAttributes: [RawPath: [UInt8]] = [:], regions: [Region]? = nil
  ) {
    self.path = path
    self.kind = kind
    self.mode = mode
    self.userID = userID
    self.groupID = groupID
    self.modificationTime = modificationTime
    self.size = size
    self.extendedAttributes = extendedAttributes
    self.regions = regions
  }
}

extension TarEntry {
  /// Why no tree is to have an extended attribute that a layer has; nil if it may.
  static func reasonToLeaveOut(attribute name: RawPath) -> String? {
    name.hasPrefix("trusted.overlay.") || name.hasPrefix("user.overlay.")
      ? "it is an order to overlayfs, not content" : nil
  }
}

/// A time of a file.
public struct FileTime: Sendable, Hashable {
  /// Since 1970, without leap seconds.
  public var seconds: Int64
  /// 0 to 999,999,999.
  public var nanoseconds: Int

  /// - Parameter nanoseconds: clamped to what fits in a second, so that it is no special value of utimensat(2).
  public init(seconds: Int64, nanoseconds: Int = 0) {
    self.seconds = seconds
    self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
  }
}
