import HTTPServer
import Testing

@Suite struct QueryItemsTests {
  @Test func keepsNamesAndValues() throws {
    let items = try #require(QueryItems("n=10&last=a%2Fb&empty=&flag&n=20&eq=a=b&&plus=a+b&%6e=30"))
    #expect(items["n"] == "10")
    #expect(items.all("n") == ["10", "20", "30"])
    #expect(items["last"] == "a/b")
    #expect(items["empty"] == "")
    #expect(items["flag"] == "")
    #expect(items["eq"] == "a=b")
    #expect(items["plus"] == "a+b")
    #expect(items["none"] == nil)
    #expect(items.all("none").isEmpty)
  }

  @Test func takesNothing() throws {
    #expect(try #require(QueryItems(""))["a"] == nil)
    #expect(try #require(QueryItems("&&"))["a"] == nil)
    #expect(try #require(QueryItems("="))[""] == "")
  }

  @Test(arguments: ["a=%", "a=%4", "a=%4g", "%zz=1", "a=1&b=%ff", "a=%00"])
  func refusesWhatIsNotEncoded(query: String) {
    #expect(QueryItems(query) == nil)
  }

  @Test(arguments: [
    ("", ""), ("plain", "plain"), ("a%20b", "a b"), ("%41%4a%4A", "AJJ"), ("100%25", "100%"),
    ("%e2%82%ac", "€"), ("é%C3%A9", "éé"), ("+", "+"), ("%2525", "%25"), ("%f0%9f%9a%a2", "🚢"),
  ])
  func decodes(text: String, decoded: String) {
    #expect(percentDecoded(text) == decoded)
    #expect(percentDecoded(text[...]) == decoded)
  }

  @Test(arguments: [
    "%", "%4", "%%41", "%4%", "%g1", "%1g", "a%", "%00", "a%00b",
    // Not UTF-8: a lone continuation, a cut sequence, an overlong slash, a surrogate.
    "%80", "%e2%82", "%c0%af", "%ed%a0%80",
  ])
  func refusesToDecode(text: String) {
    #expect(percentDecoded(text) == nil)
  }
}
