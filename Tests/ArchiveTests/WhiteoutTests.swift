import Foundation
import Testing

@testable import Archive

/// image-spec, layer.md, section "Whiteouts".
@Suite struct WhiteoutTests {
  /// What is unpacked, directories with a slash at their ends.
  private func tree(_ layers: [[Item]]) throws -> Set<String> {
    try withDirectory { directory in
      try unpack(layers, into: directory + "/root")
      let files = FileManager.default.enumerator(atPath: directory + "/root")
      var paths: Set<String> = []
      while let path = files?.nextObject() as? String {
        let isDirectory = try status(directory + "/root/" + path).st_mode & S_IFMT == S_IFDIR
        paths.insert(path + (isDirectory ? "/" : ""))
      }
      return paths
    }
  }

  private let below: [Item] = [
    .file("d/a"), .file("d/b"), .file("d/sub/c"), .link("d/l", to: "a"), .file("e"),
  ]

  @Test func aWhiteoutRemovesAFileALinkAndATree() throws {
    #expect(
      try tree([
        below, [.whiteout("d/.wh.a"), .whiteout("d/.wh.l"), .whiteout("d/.wh.sub"), .whiteout(".wh.e")],
      ])
        == ["d/", "d/b"])
    #expect(try tree([below, [.whiteout(".wh.d")]]) == ["e"])
  }

  @Test func aWhiteoutOfNothingChangesNothing() throws {
    let whole = try tree([below])
    #expect(try tree([below, [.whiteout("d/.wh.none"), .whiteout("none/deep/.wh.x")]]) == whole)
    #expect(try tree([[.whiteout("d/.wh.a")] + below]) == whole)
  }

  @Test func aWhiteoutHidesNothingOfItsOwnLayer() throws {
    let above: [Item] = [.file("d/a", "new"), .file("d/sub/new")]
    let whiteouts: [Item] = [.whiteout("d/.wh.a"), .whiteout("d/.wh.sub")]
    for layer in [above + whiteouts, whiteouts + above] {
      #expect(
        try tree([below, layer]) == ["d/", "d/a", "d/b", "d/l", "d/sub/", "d/sub/new", "e"])
    }
    for layer in [above + [.whiteout(".wh.d")], [.whiteout(".wh.d")] + above] {
      #expect(try tree([below, layer]) == ["d/", "d/a", "d/sub/", "d/sub/new", "e"])
    }
  }

  @Test func anOpaqueDirectoryHidesAllBelowWhereverTheMarkerIs() throws {
    let above: [Item] = [.directory("d"), .file("d/new"), .file("d/sub/new"), .hardLink("d/again", to: "e")]
    for position in 0...above.count {
      var layer = above
      layer.insert(.whiteout("d/.wh..wh..opq"), at: position)
      #expect(
        try tree([below, layer]) == ["d/", "d/again", "d/new", "d/sub/", "d/sub/new", "e"], "at \(position)")
    }
  }

  @Test func aHardLinkDoesNotSaveItsTargetFromAnOpaqueDirectory() throws {
    let layer: [Item] = [.hardLink("kept", to: "d/a"), .whiteout("d/.wh..wh..opq")]
    #expect(try tree([below, layer]) == ["d/", "e", "kept"])
  }

  @Test func theRootMayBeOpaque() throws {
    #expect(try tree([below, [.file("new"), .whiteout(".wh..wh..opq")]]) == ["new"])
  }

  @Test func whiteoutsActThroughLinkedParents() throws {
    let layers: [[Item]] = [
      [.file("usr/lib/a"), .file("usr/lib/b"), .link("lib", to: "usr/lib")],
      [.file("lib/c"), .whiteout("lib/.wh.a"), .whiteout("usr/.wh.lib")],
    ]
    #expect(try tree(layers) == ["lib", "usr/", "usr/lib/", "usr/lib/c"])
  }

  @Test func aLaterLayerHidesWhatAnEarlierOnePlaced() throws {
    #expect(
      try tree([below, [.file("d/x")], [.whiteout("d/.wh.x"), .whiteout("d/.wh.a")]]).contains("d/x") == false
    )
  }

  @Test func aDirectoryThatWasHiddenAndMadeAnewHasOnlyNewAttributes() throws {
    try withDirectory { directory in
      try unpack(
        [[.directory("d", mode: 0o700)], [.whiteout(".wh.d")], [.file("d/f")]], into: directory + "/root")
      #expect(try status(directory + "/root/d").st_mode == S_IFDIR | 0o755)
    }
  }

  @Test(arguments: [
    ".wh.", "d/.wh.", ".wh..", ".wh...", "d/.wh...", ".wh..wh.", ".wh..wh.x", ".wh..wh..opq/x", ".wh.x/y",
    ".wh..wh..wh.a",
  ])
  func namesThatAreNoWhiteoutsAreRefused(_ name: String) throws {
    try withDirectory { directory in
      let error = try #require(throws: ArchiveError.self) {
        try unpack([below, [.file(RawPath(name))]], into: directory + "/root")
      }
      guard case .refused(name, _) = error else { throw error }
    }
  }

  @Test func aDirectoryIsNoWhiteout() throws {
    try withDirectory { directory in
      for (number, name) in [".wh.d", ".wh..wh..opq"].enumerated() {
        #expect(throws: ArchiveError.self) {
          try unpack([below, [.directory(RawPath(name))]], into: directory + "/root\(number)")
        }
      }
    }
  }

  @Test func bookkeepingOfAUFSIsLeftOutWithANote() throws {
    try withDirectory { directory in
      let report = try unpack(
        [[.file(".wh..wh.aufs", ""), .directory(".wh..wh.plnk"), .file(".wh..wh.plnk/1.2"), .file("f")]],
        into: directory + "/root")
      #expect(report.notes.count == 3)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/root") == ["f"])
    }
  }
}
