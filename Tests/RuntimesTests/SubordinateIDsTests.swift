import Testing

@testable import Runtimes

@Suite struct SubordinateIDsTests {
  private func ids(_ text: String, name: String? = "ann") -> SubordinateIDs {
    SubordinateIDs(parsing: text, user: 1000, name: name)
  }

  @Test func aUserHasRangesByNameAndByNumber() {
    let text = "bob:100000:65536\nann:165536:65536\n1000:300000:10\n10000:1:1\n:5:5\n"
    #expect(
      ids(text).ranges == [.init(first: 165_536, count: 65_536), .init(first: 300_000, count: 10)])
    #expect(ids(text, name: nil).ranges == [.init(first: 300_000, count: 10)])
    #expect(
      ids(text).mappings(after: 1000) == [
        .init(containerID: 0, hostID: 1000, size: 1), .init(containerID: 1, hostID: 165_536, size: 65_536),
        .init(containerID: 65_537, hostID: 300_000, size: 10),
      ])
  }

  @Test(arguments: [
    "", "ann", "ann:1", "ann:1:0", "ann:-1:5", "ann:1:2:3", "ann:4294967295:1", "ann:1:4294967296",
    "#ann:1:1",
  ])
  func whatIsNoRangeIsPassedOver(_ text: String) {
    #expect(ids(text).ranges == [])
    #expect(ids(text).mappings(after: 7) == [.init(containerID: 0, hostID: 7, size: 1)])
  }

  @Test func rangesThatAreMoreThanAllIdsAreLeftOut() {
    let mappings = ids("ann:1:4294967290\nann:1:10\n").mappings(after: 7)
    #expect(
      mappings == [
        .init(containerID: 0, hostID: 7, size: 1), .init(containerID: 1, hostID: 1, size: 4_294_967_290),
      ])
  }

  @Test func aFileThatIsNotThereGivesNone() {
    #expect(SubordinateIDs(file: "/nowhere/subuid", user: 0, name: "root").ranges == [])
  }
}
