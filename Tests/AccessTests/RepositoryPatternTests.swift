import Access
import ContainerImage
import Testing

@Suite struct RepositoryPatternTests {
  @Test(arguments: [
    ("team/app", ["team/app"], ["team", "team/app2", "team/app/x", "xteam/app"]),
    ("team/*", ["team/a", "team/app-1"], ["team", "team/a/b", "teams/a"]),
    ("team/app-*", ["team/app-1", "team/app-a.b"], ["team/app", "team/xapp-1", "team/app-1/x"]),
    ("team/**", ["team/a", "team/a/b", "team/a/b/c"], ["team", "teams/a", "x/team/a"]),
    ("**", ["a", "a/b", "a/b/c"], []),
    ("*", ["a", "a-b"], ["a/b"]),
    ("a/**/b", ["a/b", "a/x/b", "a/b/b", "a/x/y/b"], ["a", "b", "a/b/c", "x/a/b"]),
    ("**/b", ["b", "a/b", "a/b/b"], ["a", "b/a"]),
    ("**/**", ["a", "a/b"], []),
    ("a*b*c", ["abc", "axbxc", "abbcc", "abcbc"], ["ab", "abcx", "a/b/c"]),
    ("*/*", ["a/b"], ["a", "a/b/c"]),
    ("**/*-dev/**", ["a-dev/x", "a/b-dev/c", "a/b-dev/c-dev/d"], ["a-dev", "a/b", "x/a-dev"]),
  ])
  func namesAreMatched(pattern: String, good: [String], bad: [String]) throws {
    let parsed = try RepositoryPattern(parsing: pattern)
    #expect(parsed.description == pattern)
    for name in good { #expect(parsed.matches(try RepositoryName(parsing: name)), "\(name)") }
    for name in bad { #expect(!parsed.matches(try RepositoryName(parsing: name)), "\(name)") }
  }

  @Test(arguments: [
    "", "/", "a/", "/a", "a//b", "Team/*", "a b", "team/**x", "***", "a/x**", "team:*", "té/*", "a?", "[ab]",
    "-a", "a/.",
    String(repeating: "a", count: 256),
  ])
  func whatMatchesNothingIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try RepositoryPattern(parsing: text) }
  }

  /// By trying again from each wild part, this would take longer than the machine lasts.
  @Test func manyWildPartsCostLittle() throws {
    let parsed = try RepositoryPattern(parsing: String(repeating: "*a", count: 60) + "*b")
    #expect(!parsed.matches(try RepositoryName(parsing: String(repeating: "a", count: 255))))
    let deep = try RepositoryPattern(parsing: String(repeating: "**/a/", count: 40) + "b")
    let name = Array(repeating: "a", count: 127).joined(separator: "/")
    #expect(!deep.matches(try RepositoryName(parsing: name)))
    #expect(deep.matches(try RepositoryName(parsing: name + "/b")) == (name.utf8.count + 2 <= 255))
  }
}
