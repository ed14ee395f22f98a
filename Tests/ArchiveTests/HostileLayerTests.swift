import ContainerImage
import Foundation
import Glibc
import ImageTransfer
import Testing

@testable import Archive

@Suite struct HostileLayerTests {
  /// `outside` and the test's directory are to be found as they were: every byte, every time of change, every number
  /// of links.
  @Test(arguments: HostileLayer.all, [true, false])
  func nothingOutsideOfTheTargetIsTouched(_ hostile: HostileLayer, asRoot: Bool) throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/outside/inner", withIntermediateDirectories: true)
      for name in ["secret", "inner/secret"] {
        try Data("untouched".utf8).write(to: URL(fileURLWithPath: directory + "/outside/" + name))
      }
      try FileManager.default.createDirectory(atPath: directory + "/root", withIntermediateDirectories: true)
      let before = try describe(directory + "/outside", changes: true)
      let options =
        asRoot
        ? UnpackOptions() : UnpackOptions(ownership: .mapped(userID: 0, groupID: 0), isPrivileged: false)

      let layers = hostile.layers(directory)
      var failure: (any Error)?
      do {
        try unpack(layers, into: directory + "/root", options: options)
      } catch {
        failure = error
      }

      #expect(try describe(directory + "/outside", changes: true) == before)
      #expect(try Set(FileManager.default.contentsOfDirectory(atPath: directory)) == ["outside", "root"])
      #expect(!exists("/etc/kontor-test"))
      switch hostile.outcome {
      case .refused:
        // Without root neither owners nor devices of the layer count, and so there is nothing wrong with them.
        if failure == nil, !asRoot, hostile.needsRoot { return }
        guard let error = failure as? ArchiveError, case .refused = error else {
          Issue.record("not refused: \(failure.map { "\($0)" } ?? "unpacked")")
          return
        }
      case .inside(let path):
        if let failure { throw failure }
        #expect(exists(directory + "/root/" + path) || (!asRoot && path.hasSuffix("null")))
      }
    }
  }

  @Test func aPathLongerThanTheSystemTakesIsAnError() throws {
    try withDirectory { directory in
      let name = RawPath(String(repeating: "n", count: 256))
      let error = try #require(throws: ArchiveError.self) {
        try unpack([[.file(name)]], into: directory + "/root")
      }
      #expect("\(error)".contains("too long"))
    }
  }

  @Test func removingATreeFollowsNoLinks() throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/outside", withIntermediateDirectories: true)
      try Data("untouched".utf8).write(to: URL(fileURLWithPath: directory + "/outside/secret"))
      try unpack(
        [
          [
            .link("a", to: RawPath(directory + "/outside")), .file("d/f"),
            .link("d/b", to: "../../outside/secret"),
          ]
        ],
        into: directory + "/root")
      let before = try describe(directory + "/outside", changes: true)
      try TreeRemoval.remove(directory + "/root")
      #expect(!exists(directory + "/root"))
      #expect(try describe(directory + "/outside", changes: true) == before)
      try TreeRemoval.remove(directory + "/root")
    }
  }
}
