import ContainerImage

/// A text that is equal to another one if it has the same bytes. A `String` is also equal to one that Unicode writes in
/// another way, so that two names of another system could be one here.
struct ExactText: Sendable, Hashable {
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }
}

extension String {
  /// Byte by byte.
  func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Why it is no name of a user, a group or a token; nil if it is one.
  var problemAsName: String? {
    if isEmpty { return "the name is empty" }
    if utf8.count > 255 { return "the name has more than 255 bytes" }
    if utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "the name has a control character" }
    if utf8.first == 0x20 || utf8.last == 0x20 { return "the name begins or ends with a space" }
    return nil
  }
}

extension OrderedJSON {
  /// A member whose name has the same bytes.
  func member(exactly name: String) -> OrderedJSON? { members.first { $0.name.isExactly(name) }?.value }
}

extension Collection<UInt8> {
  /// Takes the same time wherever the bytes differ.
  func isEqualInConstantTime(to other: some Collection<UInt8>) -> Bool {
    count == other.count && zip(self, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
