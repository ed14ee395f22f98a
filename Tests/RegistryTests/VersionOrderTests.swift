import AppContainer
import ContainerImage
import Testing

@testable import Registry

@Suite struct VersionOrderTests {
  @Test(arguments: [
    (["1.0.0", "1.10.0", "1.9.0"], "1.10.0"), (["v1", "v2", "latest-nightly"], "v2"),
    (["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-beta"], "1.0.0-rc.10"),
    (["1.0.0", "1.0.1-rc.1", "1.0.0-rc.1"], "1.0.1-rc.1"),
    (["2.0.0", "2.0.0-rc.1"], "2.0.0"), (["2", "1.9.9.9"], "2"), (["1.0.0_build.5", "0.9"], "1.0.0_build.5"),
    (["stable", "edge"], "edge"), (["edge", "stable"], "stable"), (["main"], "main"), (["1..2", "x"], "x"),
  ])
  func theNewestIsTheHighestVersionOrTheLastTag(_ tags: [String], _ newest: String) throws {
    var order = VersionOrder()
    for (time, tag) in tags.enumerated() { order.add(try Tag(parsing: tag), movedAt: Int64(time)) }
    #expect(order.newest?.description == newest)
  }

  @Test func withoutTagsThereIsNone() { #expect(VersionOrder().newest == nil) }
}

@Suite struct PublicHostsTests {
  @Test(arguments: [
    (["example.com"], "example.com/app/hello", "app/hello"), ([], "example.com/app/hello", nil),
    (["example.com"], "example.org/app/hello", nil), (["example.com"], "example.com", nil),
    (["example.com"], "example.com/~me/hello", nil), (["example.com", "b.example"], "b.example/x", "x"),
  ])
  func namesBeginWithAHost(_ hosts: [String], _ name: String, _ repository: String?) throws {
    #expect(
      PublicHosts(hosts).repository(of: try ACIdentifier(parsing: name))?.description == repository)
  }

  @Test(arguments: [
    (["example.com"], "example.com:8443", "example.com"), (["example.com"], "EXAMPLE.com", "example.com"),
    (["example.com", "b.example"], "b.example", "b.example"),
    (["example.com"], "127.0.0.1:5000", "example.com"),
    ([], "127.0.0.1:5000", nil), (["127.0.0.1"], "127.0.0.1:5000", "127.0.0.1"),
  ])
  func theHostIsTheOneThatWasAskedFor(_ hosts: [String], _ authority: String, _ host: String?) {
    #expect(PublicHosts(hosts).host(for: authority) == host)
  }
}
