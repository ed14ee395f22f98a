/// The `meta` tags of an HTML page, each as its attributes: as much of HTML as it takes to find them (HTML Living Standard,
/// section 13.2.5, "Tokenization"). Tags may be anywhere but in comments and in what is no markup, such as scripts.
struct HTMLMetaTags: Sequence, IteratorProtocol {
  private let html: [UInt8]
  private var position = 0

  /// Elements whose content is text, whatever it looks like.
  private static let textElements: Set<String> = [
    "script", "style", "textarea", "title", "iframe", "noembed", "noframes", "noscript", "xmp",
  ]

  init(_ html: [UInt8]) { self.html = html }

  /// - Returns: names of attributes, in lower case, with their values; of several with one name the last.
  mutating func next() -> [String: String]? {
    while let start = html[position...].firstIndex(of: UInt8(ascii: "<")) {
      position = start + 1
      if skip("!--") {
        passOver("-->")
        continue
      }
      guard let byte = peek, byte.isLetter else { continue }
      let name = take { !$0.isSpace && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ">") }.lowercased()
      let attributes = attributes()
      if name == "meta" { return attributes }
      if Self.textElements.contains(name) { passOver("</\(name)") }
    }
    return nil
  }

  private var peek: UInt8? { position < html.count ? html[position] : nil }

  private mutating func attributes() -> [String: String] {
    var attributes: [String: String] = [:]
    while true {
      _ = take { $0.isSpace || $0 == UInt8(ascii: "/") }
      guard let byte = peek else { return attributes }
      if byte == UInt8(ascii: ">") {
        position += 1
        return attributes
      }
      // An equals sign at its start belongs to the name.
      let start = position
      position += 1
      _ = take { !$0.isSpace && !"/>=".utf8.contains($0) }
      let name = String(decoding: html[start..<position], as: UTF8.self).lowercased()
      _ = take(while: \.isSpace)
      guard skip("=") else {
        attributes[name] = ""
        continue
      }
      _ = take(while: \.isSpace)
      attributes[name] = Self.decodingReferences(value())
    }
  }

  private mutating func value() -> String {
    for quote in ["\"", "'"] where skip(quote) {
      let value = take { !quote.utf8.contains($0) }
      _ = skip(quote)
      return value
    }
    return take { !$0.isSpace && $0 != UInt8(ascii: ">") }
  }

  private mutating func take(while isTaken: (UInt8) -> Bool) -> String {
    let start = position
    while let byte = peek, isTaken(byte) { position += 1 }
    return String(decoding: html[start..<position], as: UTF8.self)
  }

  private mutating func skip(_ text: String) -> Bool {
    guard html[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  /// To the end of what is looked for, in any case of letters; to the page's end if it is not there.
  private mutating func passOver(_ text: String) {
    let wanted = Array(text.utf8)
    while position < html.count {
      let found = html[position...].prefix(wanted.count).elementsEqual(wanted) { $0.lowercased == $1 }
      if found {
        position += wanted.count
        return
      }
      position += 1
    }
  }

  private static let named = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]

  /// Those by number, and the names that are needed to write any text.
  private static func decodingReferences(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let start = rest.firstIndex(of: "&") {
      result += rest[..<start]
      rest = rest[start...]
      let name = rest.dropFirst().prefix(10).prefix { $0 != ";" }
      let end = rest.index(start, offsetBy: name.count + 1)
      if end < rest.endIndex, rest[end] == ";", let character = character(name) {
        result += character
        rest = rest[rest.index(after: end)...]
      } else {
        result += "&"
        rest = rest.dropFirst()
      }
    }
    return result + rest
  }

  private static func character(_ name: Substring) -> String? {
    guard name.hasPrefix("#") else { return named[String(name)] }
    let digits = name.dropFirst()
    let isHexadecimal = digits.first == "x" || digits.first == "X"
    let number = isHexadecimal ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
    return number.flatMap { Unicode.Scalar($0) }.map { String(Character($0)) }
  }
}

extension UInt8 {
  fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }
  fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lowercased) }
  fileprivate var lowercased: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self + 0x20 : self
  }
}
