import Testing

@testable import Archive

/// Layers that change what those below them have.
struct SquashStack: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let layers: [[Item]]

  private init(_ description: String, _ layers: [Item]...) {
    testDescription = description
    self.layers = layers
  }

  private static let below: [Item] = [
    .directory("d", mode: 0o750), .file("d/a", "a"), .file("d/b", "b"), .file("d/sub/c", "c"),
    .link("d/l", to: "a"), .file("e", "e"),
  ]

  static let all = [
    SquashStack(
      "a directory that was hidden and made anew", below, [.whiteout(".wh.d")], [.file("d/new", "n")]),
    SquashStack(
      "a directory that one layer hides and fills", below, [.whiteout(".wh.d"), .file("d/new", "n")]),
    SquashStack(
      "a directory that one layer fills and hides", below, [.file("d/new", "n"), .whiteout(".wh.d")]),
    SquashStack("an opaque directory", below, [.file("d/new", "n"), .whiteout("d/.wh..wh..opq")]),
    SquashStack("an opaque root", below, [.whiteout(".wh..wh..opq"), .file("new", "n")]),
    SquashStack("a hard link in a later layer", below, [.hardLink("h", to: "d/a")]),
    SquashStack(
      "a hard link to a file that is hidden", below, [.hardLink("h", to: "d/a")], [.whiteout("d/.wh.a")]),
    SquashStack(
      "a hard link to a file that is replaced",
      [.file("f", "old"), .hardLink("g", to: "f"), .hardLink("h", to: "f")],
      [.file("f", "new"), .hardLink("i", to: "g")]),
    SquashStack(
      "a hard link that its own layer saves", below, [.hardLink("k", to: "d/a"), .whiteout(".wh.d")]),
    SquashStack("a hard link to a symbolic link", below, [.hardLink("k", to: "d/l")]),
    SquashStack("a hard link to itself", [.file("f", "f")], [.hardLink("f", to: "f"), .whiteout(".wh.f")]),
    SquashStack(
      "a file that becomes a directory", [.file("x", "f")], [.directory("x", mode: 0o700), .file("x/y", "y")]),
    SquashStack(
      "a file that becomes a directory and a file again", [.file("x", "f")],
      [.file("x/y", "y")]
        .withDirectory("x"), [.file("x", "again")]),
    SquashStack("a directory that becomes a link", below, [.link("d", to: "e")]),
    SquashStack(
      "a directory that becomes a link to a directory", below + [.directory("other")],
      [.link("d", to: "other"), .file("d/through", "t")], [.whiteout("d/.wh.through"), .file("d/again", "a")]),
    SquashStack(
      "parents that are links",
      [.directory("usr/lib"), .link("lib", to: "usr/lib"), .file("usr/lib/a", "a")],
      [.file("lib/b", "b"), .hardLink("lib/c", to: "lib/a"), .whiteout("lib/.wh.a")]),
    SquashStack(
      "absolute links and links beyond the root",
      [.link("abs", to: "/usr/bin"), .link("up", to: "../../../../usr"), .directory("usr/bin")],
      [.file("abs/x", "x"), .file("up/y", "y"), .file("up/bin/z", "z")]),
    SquashStack(
      "a link to a directory that is missing", [.link("var/run", to: "/run")], [.file("var/run/pid", "1")]),
    SquashStack("attributes of the last entry", below, [.directory("d", mode: 0o711)], [.file("d/z", "z")]),
    SquashStack("a directory without an entry", [.file("a/b/c/d", "d")], [.directory("a/b", mode: 0o700)]),
    SquashStack(
      "the root's own attributes", [.directory("./", mode: 0o700), .file("f", "f")],
      [.directory("./", mode: 0o711)]),
    SquashStack("an entry twice in a layer", [.file("f", "1"), .directory("f"), .file("f", "2")]),
    SquashStack(
      "pipes, devices and odd modes",
      [
        .of(.fifo, "p"), .of(.characterDevice(major: 1, minor: 3), "null"),
        .of(.blockDevice(major: 7, minor: 300), "loop"),
        .file("suid", "s", mode: 0o6755), .directory("sticky", mode: 0o1777),
      ]),
    SquashStack(
      "names outside of ASCII, and attributes",
      [
        .file("näme", "ü", attributes: ["user.n\u{e4}me": bytes("value")])
      ]),
    SquashStack("whiteouts of the first layer", [.file("f", "f"), .whiteout(".wh.f"), .whiteout("n/.wh.x")]),
    SquashStack("layers without anything", [], below, []),
  ]

  /// A generator of layers.
  struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    private mutating func number(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }

    private mutating func path() -> String {
      (0...number(3)).map { _ in ["a", "b", "c"][number(3)] }.joined(separator: "/")
    }

    mutating func layer() -> [Item] {
      (0..<(2 + number(5))).map { _ in
        let path = path()
        switch number(10) {
        case 0...2: return .file(RawPath(path), "content \(number(100))")
        case 3, 4: return .directory(RawPath(path), mode: [0o755, 0o700, 0o711][number(3)])
        case 5: return .hardLink(RawPath(path), to: RawPath(self.path()))
        case 6: return .link(RawPath(path), to: RawPath(["/", "../", ""][number(3)] + self.path()))
        default:
          var names = path.split(separator: "/").map(String.init)
          let last = names.removeLast()
          names.append(number(3) == 0 ? ".wh..wh..opq" : ".wh." + last)
          return .whiteout(RawPath(names.joined(separator: "/")))
        }
      }
    }
  }
}

extension [Item] {
  /// With a directory before them.
  fileprivate func withDirectory(_ path: RawPath) -> [Item] { [.directory(path)] + self }
}
