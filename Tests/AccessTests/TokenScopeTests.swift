import Access
import ContainerImage
import Testing

@Suite struct TokenScopeTests {
  @Test(arguments: [
    (
      "repository:team/app:pull,push",
      TokenScope(type: "repository", name: "team/app", actions: ["pull", "push"])
    ),
    ("registry:catalog:*", TokenScope(type: "registry", name: "catalog", actions: ["*"])),
    (
      "repository:localhost:5000/a:pull",
      TokenScope(type: "repository", name: "localhost:5000/a", actions: ["pull"])
    ),
    ("repository:a:", TokenScope(type: "repository", name: "a", actions: [])),
    ("repository:a:push,pull,push", TokenScope(type: "repository", name: "a", actions: ["push", "pull"])),
    (
      "repository(plugin):a/b:pull",
      TokenScope(type: "repository", resourceClass: "plugin", name: "a/b", actions: ["pull"])
    ),
  ])
  func scopesAreRead(text: String, scope: TokenScope) throws {
    let read = try TokenScope(parsing: text)
    #expect(read == scope)
    let plain = TokenScope(type: scope.type, name: scope.name, actions: scope.actions)
    #expect(try TokenScope(parsing: read.description) == plain)
  }

  @Test(arguments: [
    "", "repository", "repository:a", ":a:pull", "repository::pull", "Repository:a:pull",
    "repository():a:pull",
    "repository(:a:pull", "repository(a)b:a:pull", "repository:a b:pull", "repository:a:pull push",
    "repository:a:pull,", "repository:a:,pull", "repository:a:Pull", "repository:a:pull*",
    "repository:a\":pull",
    "repository:é:pull", "repository:a\n:pull", "répository:a:pull",
    "repository:\(String(repeating: "a", count: TokenScope.maximumSize)):pull",
  ])
  func malformedScopesAreRefused(text: String) {
    #expect(throws: InvalidValue.self) { try TokenScope(parsing: text) }
  }

  @Test func listsHaveALimit() throws {
    #expect(try TokenScope.list(parsing: "") == [])
    #expect(try TokenScope.list(parsing: " repository:a:pull  repository:b:push ").map(\.name) == ["a", "b"])
    let many = Array(repeating: "repository:a:pull", count: 100)
    #expect(try TokenScope.list(parsing: many.joined(separator: " ")).count == 100)
    #expect(throws: InvalidValue.self) {
      try TokenScope.list(parsing: (many + ["repository:a:pull"]).joined(separator: " "))
    }
    #expect(throws: InvalidValue.self) { try TokenScope.list(parsing: "repository:a:pull x") }
  }

  @Test func repositoriesAndActionsAreKnown() throws {
    let name = try RepositoryName(parsing: "team/app")
    let scope = TokenScope(repository: name, actions: [.sign, .pull])
    #expect(scope.description == "repository:team/app:pull,sign")
    #expect(scope.repository == name && scope.accessActions == [.pull, .sign])
    #expect(try TokenScope(parsing: "repository:a:*,x").accessActions == [.pull, .push, .delete, .sign])
    #expect(try TokenScope(parsing: "registry:catalog:*").repository == nil)
    #expect(try TokenScope(parsing: "repository:localhost:5000/a:pull").repository == nil)
  }
}
