import ContainerImage

/// A path, a name or a link's target as the bytes that it is: Linux does not require UTF-8. Never holds NUL.
public struct RawPath: Sendable, Hashable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
  public let bytes: [UInt8]

  /// - Parameter bytes: what follows a NUL is left out.
  public init(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    self.bytes = bytes.firstIndex(of: 0).map { Array(bytes[..<$0]) } ?? bytes
  }

  public init(_ text: String) { self.init(text.utf8) }

  public init(stringLiteral text: String) { self.init(text.utf8) }

  /// With a slash between each two.
  public init(joining components: some Sequence<RawPath>) {
    var joined: [UInt8] = []
    for component in components {
      if !joined.isEmpty { joined.append(Self.slash) }
      joined.append(contentsOf: component.bytes)
    }
    bytes = joined
  }

  /// - Parameter text: ends with NUL.
  init(cString text: UnsafePointer<CChar>) {
    var end = text
    while end.pointee != 0 { end += 1 }
    bytes = Array(UnsafeRawBufferPointer(start: text, count: end - text))
  }

  public var isEmpty: Bool { bytes.isEmpty }
  public var isAbsolute: Bool { bytes.first == Self.slash }

  /// For messages: with U+FFFD for what is not UTF-8.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  public static func < (left: RawPath, right: RawPath) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }

  /// The names between the slashes, without empty ones and `.`; `..` is left in.
  public var components: [RawPath] {
    bytes.split(separator: Self.slash).compactMap { part in
      part.elementsEqual([Self.dot]) ? nil : RawPath(trusted: Array(part))
    }
  }

  /// Whether one of the components is `..`.
  var hasParentComponent: Bool {
    // Most paths have no two dots in a row at all: they are not worth being split.
    var previousIsDot = false
    for byte in bytes {
      if byte == Self.dot && previousIsDot { return components.contains(Self.parent) }
      previousIsDot = byte == Self.dot
    }
    return false
  }

  func appending(_ name: RawPath) -> RawPath {
    if isEmpty { return name }
    var joined = bytes
    joined.reserveCapacity(joined.count + 1 + name.bytes.count)
    joined.append(Self.slash)
    joined.append(contentsOf: name.bytes)
    return RawPath(trusted: joined)
  }

  /// Without empty components and `.`, split before the last one; nil for the root.
  func splitNormalized() -> (parent: RawPath, name: RawPath)? {
    let parts = components
    guard let name = parts.last else { return nil }
    return (RawPath(joining: parts.dropLast()), name)
  }

  func hasPrefix(_ prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { bytes.starts(with: $0) }
  }

  func dropFirst(_ count: Int) -> RawPath { RawPath(trusted: Array(bytes.dropFirst(count))) }

  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    var text: [CChar] = []
    text.reserveCapacity(bytes.count + 1)
    for byte in bytes { text.append(CChar(bitPattern: byte)) }
    text.append(0)
    return body(text)
  }

  private init(trusted bytes: [UInt8]) { self.bytes = bytes }

  static let parent: RawPath = ".."
  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")
}
