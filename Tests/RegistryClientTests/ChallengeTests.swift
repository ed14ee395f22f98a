import Testing

@testable import RegistryClient

@Suite("authentication challenges")
struct ChallengeTests {
  @Test func basicAndBearerAreUnderstood() {
    #expect(AuthenticationChallenge.parse([#"Basic realm="Registry, of \"goods\"""#]) == [.basic])
    #expect(
      AuthenticationChallenge.parse([
        #"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#
      ]) == [
        .bearer(
          realm: "https://auth.example/token", service: "registry.example", scope: "repository:a/b:pull,push")
      ])
  }

  @Test func oneHeaderMayHaveSeveral() {
    #expect(
      AuthenticationChallenge.parse([
        #"Negotiate, Basic realm=x, bearer REALM = "https://a.example/""#, "Basic",
      ])
        == [.basic, .bearer(realm: "https://a.example/", service: nil, scope: nil), .basic])
  }

  @Test(arguments: ["", ",,", "Bearer", "Bearer service=x", "Digest realm=x", "=", "\"", "Bearer realm=\""])
  func whatIsNoneIsPassedOver(text: String) {
    #expect(
      AuthenticationChallenge.parse([text]).allSatisfy {
        if case .bearer(let realm, _, _) = $0 { realm.isEmpty } else { false }
      })
  }
}
