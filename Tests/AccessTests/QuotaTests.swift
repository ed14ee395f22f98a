import Access
import ContainerImage
import Testing

@Suite struct QuotaTests {
  @Test(arguments: [
    ("team=10GiB", "team", "team"), ("team=10GiB", "team/app", "team"), ("team=10GiB", "team/app/x", "team"),
    ("team=10GiB", "teams", nil), ("team=10GiB", "my/team", nil), ("team/app=1B", "team", nil),
    ("team/app=1B", "team/app/x", "team/app"), ("users/*=1B", "users/alice/app", "users/alice"),
    ("users/*=1B", "users/alice", "users/alice"), ("users/*=1B", "users", nil),
    ("u*/a*b=1B", "ux/acb/d", "ux/acb"),
    ("u*/a*b=1B", "ux/acd", nil), ("/=1B", "a", ""), ("/=1B", "a/b/c", ""), ("*=1B", "a/b/c", "a"),
  ])
  func aPrefixCoversWhatIsBelowIt(quota: String, repository: String, prefix: String?) throws {
    #expect(try Quota(parsing: quota).prefix(of: RepositoryName(parsing: repository)) == prefix)
  }

  @Test func amountsAreSizesOrTags() throws {
    #expect(try Quota(parsing: "a=10GiB").amount == .bytes(10 << 30))
    #expect(try Quota(parsing: "a=1000").amount == .bytes(1000))
    #expect(try Quota(parsing: "a=0B").amount == .bytes(0))
    #expect(try Quota(parsing: "a/b=500tags").amount == .tags(500))
    #expect(try Quota(parsing: "a=0tags").description == "a=0tags")
  }

  @Test(arguments: [
    "", "a", "=", "a=", "=1GiB", "a=x", "a=-1", "a=-1tags", "a=tags", "a=1.5GiB", "A=1GiB", "a/=1GiB",
    "//=1GiB",
    "a/**=1GiB", "**=1GiB", "a b=1GiB", "a=99999999999TiB",
  ])
  func whatIsNoQuotaIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try Quota(parsing: text) }
  }

  @Test func theFirstOfAPrefixCountsAndAllPrefixesCount() throws {
    let quotas = try [
      "users/bob=5GiB", "users/*=1GiB", "users/*=10tags", "users=100GiB", "/=1TiB", "/=2TiB",
      "users/*/big=7B",
    ].map { try Quota(parsing: $0) }
    func applying(_ name: String) throws -> [String] {
      quotas.applying(to: try RepositoryName(parsing: name)).map { "\($0.prefix) \($0.amount)" }
    }
    #expect(
      try applying("users/bob/app") == [
        "users/bob bytes(\(5 << 30))", "users/bob tags(10)", "users bytes(\(100 << 30))",
        " bytes(\(1 << 40))",
      ])
    #expect(
      try applying("users/eve/big") == [
        "users/eve bytes(\(1 << 30))", "users/eve tags(10)", "users bytes(\(100 << 30))",
        " bytes(\(1 << 40))",
        "users/eve/big bytes(7)",
      ])
    #expect(try applying("team/app") == [" bytes(\(1 << 40))"])
  }
}
