/// What was unpacked, and what was left out.
public struct UnpackReport: Sendable, Hashable {
  /// Something of the image that the target does not have.
  public struct Note: Sendable, Hashable, CustomStringConvertible {
    public let path: RawPath
    public let reason: String

    public var description: String { "\(path): \(reason)" }
  }

  public internal(set) var layers = 0
  public internal(set) var entries = 0
  /// Uncompressed bytes of the layers.
  public internal(set) var bytes: Int64 = 0
  /// The first thousand.
  public private(set) var notes: [Note] = []
  /// How many there are beyond those.
  public private(set) var furtherNotes = 0

  mutating func note(_ path: RawPath, _ reason: String) {
    if notes.count < 1000 {
      notes.append(Note(path: path, reason: reason))
    } else {
      furtherNotes += 1
    }
  }
}
