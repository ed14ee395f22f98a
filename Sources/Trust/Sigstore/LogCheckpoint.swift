/// What a log says of its tree, signed (C2SP, tlog-checkpoint.md and signed-note.md).
struct LogCheckpoint {
  /// Larger ones are refused: with each witness, one grows by some 100 bytes.
  private static let maximumSize = 1 << 16

  /// Who keeps the log.
  let origin: String
  let treeSize: Int64
  let rootHash: [UInt8]
  /// What is signed.
  let text: [UInt8]
  let signatures: [Signature]

  struct Signature {
    let name: String
    /// The first four bytes of the key's name.
    let hint: [UInt8]
    let signature: [UInt8]
  }

  init(parsing note: String) throws(Refusal) {
    guard note.utf8.count <= Self.maximumSize, note.hasSuffix("\n") else {
      throw Refusal("its log's checkpoint is truncated, or too large")
    }
    let lines = note.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    guard let blank = lines.firstIndex(of: ""), blank >= 3, lines.count > blank + 1 else {
      throw Refusal("its log's checkpoint is malformed")
    }
    guard let size = Int64(lines[1]), String(size) == lines[1], size >= 0,
      let root = StrictBase64.decode(String(lines[2])), !lines[0].isEmpty
    else { throw Refusal("its log's checkpoint is malformed") }
    var signatures: [Signature] = []
    for line in lines[(blank + 1)...] {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count == 3, words[0] == "\u{2014}", let bytes = StrictBase64.decode(String(words[2])),
        bytes.count > 4
      else { throw Refusal("its log's checkpoint has malformed signatures") }
      signatures.append(
        Signature(
          name: String(words[1]), hint: Array(bytes.prefix(4)), signature: Array(bytes.dropFirst(4))))
    }
    origin = String(lines[0])
    treeSize = size
    rootHash = root
    text = Array((lines[..<blank].joined(separator: "\n") + "\n").utf8)
    self.signatures = signatures
  }

  /// Whether that log signed it. Others may have, too.
  func isSigned(by log: TransparencyLog) -> Bool {
    // Rekor's first version adds its tree's number to the origin.
    let parts = origin.split(separator: " - ")
    let isNumbered = parts.count > 1 && Int64(parts[parts.count - 1]) != nil
    if !isNumbered, let expected = log.origin, expected != origin { return false }
    let hint = Array(log.id.prefix(4))
    return signatures.contains { $0.hint == hint && log.signed(text, $0.signature) }
  }
}
