import Access
import Foundation
import Testing

@Suite struct APITokenTests {
  @Test func newOnesAreReadAgain() throws {
    var seen: Set<String> = []
    for _ in 0..<200 {
      let token = APIToken.make()
      #expect(token.text.wholeMatch(of: #/kontor_[0-9A-Za-z]{12}_[0-9A-Za-z]{40}/#) != nil)
      #expect(APIToken(parsing: token.text) == token)
      #expect(APIToken.isMeant(by: token.text))
      #expect(token.hash.wholeMatch(of: #/[0-9a-f]{64}/#) != nil)
      #expect(token.matches(hash: token.hash))
      #expect(!token.matches(hash: APIToken.make().hash) && !token.matches(hash: ""))
      #expect(seen.insert(token.id).inserted && seen.insert(token.hash).inserted)
      let secret = token.text.suffix(40)
      #expect("\(token)" == "kontor_\(token.id)_***")
      var dumped = ""
      dump(token, to: &dumped)
      #expect(!dumped.contains(secret))
    }
  }

  @Test func theCheckIsTheOneThatIsDocumented() throws {
    let made = try TokenMaterial.made.get().apiToken
    let token = try #require(APIToken(parsing: made.text))
    #expect(token.id == "0123456789ab" && token.hash == made.hash)
  }

  @Test func whatWasMistypedIsNone() throws {
    let text = Array(try TokenMaterial.made.get().apiToken.text.utf8)
    for place in text.indices {
      for character in "0aZ_-" where text[place] != character.asciiValue {
        var changed = text
        changed[place] = try #require(character.asciiValue)
        #expect(APIToken(parsing: String(decoding: changed, as: UTF8.self)) == nil, "\(place) \(character)")
      }
      var shorter = text
      shorter.remove(at: place)
      #expect(APIToken(parsing: String(decoding: shorter, as: UTF8.self)) == nil, "\(place)")
    }
    let good = String(decoding: text, as: UTF8.self)
    for changed in ["", "kontor_", good + "0", good + "\n", " " + good, good.uppercased(), good + "\u{301}"] {
      #expect(APIToken(parsing: changed) == nil, "\(changed)")
    }
    #expect(!APIToken.isMeant(by: "Kontor_x") && !APIToken.isMeant(by: ""))
  }
}
