import Testing

@testable import ContainerImage

@Suite struct StrictJSONTests {
  private func check(_ text: String) throws(InvalidValue) {
    try StrictJSON.check(Array(text.utf8)) { _ in false }
  }

  @Test(arguments: [
    "{}", "[]", " { \"a\" : [ 1 , -0 , 0.5, 1e5, -1.25E-3, true, false, null ] } ", "\"text\"", "0",
    #"{"a": {"b": 1}, "b": {"b": 2}}"#, #"["\u00e9\ud83d\ude00\n\"\\\/", "é😀"]"#,
    String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
  ])
  func whatTheGrammarHasIsTaken(text: String) throws {
    try check(text)
  }

  @Test(arguments: [
    "", " ", "{", "}", "[", "[1", "[1,]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, #"{a:1}"#,
    "{'a':1}",
    "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "tru", "True", "nul", "[1 2]", "1 2", "{} {}",
    "// x\n{}",
    "\"", #""\x""#, #""\u12""#, #""\u12g4""#, "\"a\nb\"", "\u{feff}{}",
    #"{"a": 1, "a": 1}"#, #"{"a": 1, "\u0061": 1}"#, #"[{"x": [{"é": 1, "\u00e9": 2}]}]"#,
    String(repeating: "[", count: 129), String(repeating: #"{"a":"#, count: 100_000),
  ])
  func anythingElseIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try check(text) }
  }

  @Test func bytesThatAreNoTextAreRefused() {
    #expect(throws: InvalidValue.self) {
      try StrictJSON.check([UInt8(ascii: "\""), 0xff, UInt8(ascii: "\"")]) { _ in false }
    }
  }
}
