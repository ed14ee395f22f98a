import ContainerImage

/// A pattern for a text of components that are separated by `/`: `*` is any characters within one, `**` any number of
/// whole components; at the end, at least one.
///
/// Matching takes at most the product of the lengths in steps, whatever the pattern: only the last wild part is ever
/// tried again.
struct PathPattern: Sendable, Hashable {
  private enum Component: Sendable, Hashable {
    case anyNumber
    case one([UInt8])
  }

  private let components: [Component]

  /// - Throws: `InvalidValue.malformed`: `**` is a part of a component.
  init(parsing text: String) throws(InvalidValue) {
    var components: [Component] = []
    for part in Array(text.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      if part.elementsEqual("**".utf8) {
        // Two of them say no more than one.
        if components.last != .anyNumber { components.append(.anyNumber) }
        continue
      }
      guard !zip(part, part.dropFirst()).contains(where: { $0 == Self.star && $1 == Self.star }) else {
        throw .malformed("\(text.quotedForMessage): '**' stands for whole components, between slashes")
      }
      components.append(.one(Array(part)))
    }
    if components.last == .anyNumber { components.append(.one([Self.star])) }
    self.components = components
  }

  private static let star = UInt8(ascii: "*")

  /// A text, cut into its components once for several patterns.
  struct Path {
    fileprivate let components: [ArraySlice<UInt8>]

    init(_ text: String) {
      components = Array(text.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }
  }

  func matches(_ path: Path) -> Bool {
    Self.matches(components, path.components, isWild: { $0 == .anyNumber }) { pattern, component in
      guard case .one(let pattern) = pattern else { return false }
      return Self.matches(pattern, component, isWild: { $0 == Self.star }) { $0 == $1 }
    }
  }

  /// Both for components of a path and for characters of a component. A wild part takes as little as it can; when it
  /// turns out to be too little, one more. What came before the last wild part never has to be changed.
  private static func matches<Pattern: RandomAccessCollection, Text: RandomAccessCollection>(
    _ pattern: Pattern, _ text: Text, isWild: (Pattern.Element) -> Bool,
    _ fits: (Pattern.Element, Text.Element) -> Bool
  ) -> Bool {
    var (inPattern, inText) = (pattern.startIndex, text.startIndex)
    var wild: (afterIt: Pattern.Index, resume: Text.Index)?
    while inText != text.endIndex {
      if inPattern != pattern.endIndex, isWild(pattern[inPattern]) {
        pattern.formIndex(after: &inPattern)
        wild = (inPattern, inText)
      } else if inPattern != pattern.endIndex, fits(pattern[inPattern], text[inText]) {
        pattern.formIndex(after: &inPattern)
        text.formIndex(after: &inText)
      } else if let last = wild {
        let next = text.index(after: last.resume)
        wild = (last.afterIt, next)
        (inPattern, inText) = (last.afterIt, next)
      } else {
        return false
      }
    }
    return pattern[inPattern...].allSatisfy(isWild)
  }
}
