import ContainerImage
import Testing

/// A file of another program is read and written without loss.
@Suite struct OrderedJSONTests {
  @Test(arguments: [
    "{}", "[]", "\"\"", "null", "-1.50e+3", #"{"a":{"b":[1,true,"x"]},"a":0}"#, #""\"\\\n\r\t\u0001é😀/""#,
  ]) func aDocumentIsWrittenAsItWasRead(_ text: String) throws {
    #expect(try OrderedJSON(parsing: Array(text.utf8)).line == text)
    let document = try OrderedJSON(parsing: Array(text.utf8)).document
    #expect(try OrderedJSON(parsing: Array(document.utf8)).line == text)
  }

  @Test func escapesAreDecoded() throws {
    let text = #""\u0041\u00e9\ud83d\ude00\/\b\f\uD83D!""#
    #expect(try OrderedJSON(parsing: Array(text.utf8)).string == "Aé😀/\u{8}\u{c}\u{fffd}!")
  }

  @Test(arguments: [
    "", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"a", "\"\\x\"", "\"\\u12g4\"",
    "tru", "01x",
    "1 2", "nan", "inf", "-", "\"\n\"", "{\"a\":1 \"b\":2}", String(repeating: "[", count: 100_000),
  ]) func brokenTextIsRefused(_ text: String) {
    #expect(throws: InvalidValue.self) { try OrderedJSON(parsing: Array(text.utf8)) }
  }

  @Test func bytesThatAreNoTextAreRefused() {
    #expect(throws: InvalidValue.self) { try OrderedJSON(parsing: [0x22, 0xff, 0x22]) }
  }

  @Test func aMemberIsChangedInItsPlace() throws {
    var value = try OrderedJSON(parsing: Array(#"{"a":1,"b":2,"a":3}"#.utf8))
    #expect(value["a"] == .literal("3"))
    value["a"] = .string("x")
    value["c"] = .object([])
    #expect(value.line == #"{"a":1,"b":2,"a":"x","c":{}}"#)
    value["a"] = nil
    #expect(value.line == #"{"b":2,"c":{}}"#)
  }
}
