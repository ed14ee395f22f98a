import Testing

@testable import Archive

/// A layer that tries to reach out of the target directory, which has a directory `outside` beside it.
struct HostileLayer: Sendable, CustomTestStringConvertible {
  enum Outcome {
    /// The layer is refused.
    case refused
    /// It is unpacked, and this path of the root is there.
    case inside(String)
  }

  let name: String
  let outcome: Outcome
  /// The layers, given the path of the directory that `root` and `outside` are in.
  let layers: @Sendable (_ directory: String) -> [[Item]]

  init(_ name: String, _ outcome: Outcome, _ layers: @escaping @Sendable (_ directory: String) -> [[Item]]) {
    self.name = name
    self.outcome = outcome
    self.layers = layers
  }

  var testDescription: String { name }

  /// Whether it is hostile to root only.
  var needsRoot: Bool { ["a file in a device", "an owner that chown takes for none"].contains(name) }

  static let all: [HostileLayer] = paths + links + hardLinks + whiteouts + attributes + devices

  static let paths: [HostileLayer] = [
    HostileLayer("..", .refused) { _ in [[.file("../outside/new")]] },
    HostileLayer(".. of a directory", .refused) { _ in [[.directory("../outside", mode: 0o777)]] },
    HostileLayer(".. in the middle", .refused) { _ in [[.directory("a"), .file("a/../../outside/secret")]] },
    HostileLayer(".. that stays inside", .refused) { _ in [[.directory("a"), .file("a/../b")]] },
    HostileLayer(".. between slashes and dots", .refused) { _ in [[.file(".//./..//outside/./secret")]] },
    HostileLayer(".. alone", .refused) { _ in [[.directory("..", mode: 0o777)]] },
    HostileLayer(".. at the end", .refused) { _ in [[.directory("a/..", mode: 0o777)]] },
    HostileLayer(".. of a link", .refused) { _ in [[.link("../outside/link", to: "secret")]] },
    HostileLayer("an absolute path", .inside("etc/kontor-test")) { _ in [[.file("/etc/kontor-test")]] },
    HostileLayer("an absolute path to outside", .inside("var/tmp")) {
      [[.file(RawPath($0 + "/outside/secret"))]]
    },
    HostileLayer("slashes first", .inside("outside/secret")) { _ in [[.file("///outside//secret")]] },
    HostileLayer("no name", .refused) { _ in [[.file("./.")]] },
    HostileLayer("the root as a link", .refused) { [[.link(".", to: RawPath($0 + "/outside"))]] },
    HostileLayer("the root as a file", .refused) { _ in [[.file("/.")]] },
    HostileLayer("three dots and backslashes", .inside("...")) { _ in
      [[.file(".../f"), .file("..\\outside\\secret"), .file("a\\..\\..")]]
    },
  ]

  static let links: [HostileLayer] = [
    HostileLayer("a file into an absolute link's directory", .inside("link")) {
      [[.link("link", to: RawPath($0 + "/outside")), .file("link/secret")]]
    },
    HostileLayer("a file into a relative link's directory", .inside("outside/secret")) { _ in
      [[.link("link", to: "../outside"), .file("link/secret")]]
    },
    HostileLayer("the same in two layers", .inside("outside/secret")) { _ in
      [[.link("link", to: "../../../outside")], [.file("link/secret")]]
    },
    HostileLayer("a chain of links", .inside("outside/secret")) { _ in
      [
        [
          .link("a", to: "b/../c"), .directory("b"), .link("c", to: "d"), .link("d", to: "/../outside"),
          .file("a/secret"),
        ]
      ]
    },
    HostileLayer("a link that becomes a directory and a link again", .inside("outside/secret")) { _ in
      [
        [
          .directory("x"), .file("x/f"), .link("x", to: "../outside"), .file("x/secret"), .directory("x"),
          .file("x/g"), .link("x", to: "../outside"), .file("x/secret"),
        ]
      ]
    },
    HostileLayer("a file over a link to a file outside", .inside("link")) {
      [[.link("link", to: RawPath($0 + "/outside/secret")), .file("link", "overwritten")]]
    },
    HostileLayer("a directory over a link to a directory outside", .inside("link/secret")) {
      [[.link("link", to: RawPath($0 + "/outside")), .directory("link", mode: 0o777), .file("link/secret")]]
    },
    HostileLayer("a pipe over a link to a file outside", .inside("link")) {
      [[.link("link", to: RawPath($0 + "/outside/secret")), .of(.fifo, "link")]]
    },
    HostileLayer("a circle of links", .refused) { _ in
      [[.link("a", to: "b"), .link("b", to: "a"), .file("a/f")]]
    },
    HostileLayer("a link to itself", .refused) { _ in [[.link("a", to: "a"), .file("a/f")]] },
    HostileLayer("a link to the process's root", .inside("proc/self/root")) { directory in
      [[.link("link", to: "/proc/self/root"), .file(RawPath("link/\(directory)/outside/secret"))]]
    },
    HostileLayer("a directory through a link", .inside("outside")) { _ in
      [[.link("link", to: "../outside"), .directory("link/", mode: 0o777), .directory("outside")]]
    },
    HostileLayer("a tree with links to outside is replaced", .inside("d")) {
      [[.directory("d"), .link("d/l", to: RawPath($0 + "/outside"))], [.file("d")]]
    },
  ]

  static let hardLinks: [HostileLayer] = [
    HostileLayer("a hard link to an absolute path", .refused) {
      [[.hardLink("h", to: RawPath($0 + "/outside/secret"))]]
    },
    HostileLayer("a hard link to ..", .refused) { _ in [[.hardLink("h", to: "../outside/secret")]] },
    HostileLayer("a hard link through a link", .refused) { _ in
      [[.link("link", to: "../outside"), .hardLink("h", to: "link/secret")]]
    },
    HostileLayer("a hard link to a link to outside, then written", .inside("h")) {
      [
        [
          .link("link", to: RawPath($0 + "/outside/secret")), .hardLink("h", to: "link"),
          .file("h", "overwritten"),
        ]
      ]
    },
    HostileLayer("a hard link to a link to a directory, then written through", .inside("h")) {
      [[.link("link", to: RawPath($0 + "/outside")), .hardLink("h", to: "link"), .file("h/secret")]]
    },
    HostileLayer("a hard link put outside", .refused) { _ in
      [[.file("f"), .hardLink("../outside/h", to: "f")]]
    },
    HostileLayer("a hard link put through a link", .inside("outside/h")) { _ in
      [[.file("f"), .link("link", to: "../outside"), .hardLink("link/h", to: "f")]]
    },
    HostileLayer("a hard link to the root", .refused) { _ in [[.hardLink("h", to: "/")]] },
    HostileLayer("a hard link to a directory", .refused) { _ in [[.directory("d"), .hardLink("h", to: "d")]]
    },
    HostileLayer("a hard link to nothing", .refused) { _ in [[.hardLink("h", to: "nothing")]] },
  ]

  static let whiteouts: [HostileLayer] = [
    HostileLayer("a whiteout of ..", .refused) { _ in [[.file("f")], [.whiteout("../outside/.wh.secret")]] },
    HostileLayer("a whiteout named ..", .refused) { _ in [[.file("f")], [.whiteout(".wh...")]] },
    HostileLayer("a whiteout named .", .refused) { _ in [[.file("d/f")], [.whiteout("d/.wh..")]] },
    HostileLayer("a whiteout through a relative link", .inside("link")) { _ in
      [[.link("link", to: "../outside")], [.whiteout("link/.wh.secret")]]
    },
    HostileLayer("a whiteout through an absolute link", .inside("link")) {
      [[.link("link", to: RawPath($0 + "/outside"))], [.whiteout("link/.wh.secret")]]
    },
    HostileLayer("an opaque directory through a link", .inside("link")) {
      [[.link("link", to: RawPath($0 + "/outside"))], [.whiteout("link/.wh..wh..opq")]]
    },
    HostileLayer("an opaque directory above", .refused) { _ in [[.file("f")], [.whiteout("../.wh..wh..opq")]]
    },
    HostileLayer("a whiteout of a link to outside", .inside("f")) {
      [[.link("link", to: RawPath($0 + "/outside")), .file("f")], [.whiteout(".wh.link")]]
    },
    HostileLayer("a whiteout of a tree with links to outside", .inside("f")) {
      [
        [.link("d/a", to: RawPath($0 + "/outside")), .link("d/b", to: "../../outside/secret"), .file("f")],
        [.whiteout(".wh.d")],
      ]
    },
    HostileLayer("an opaque directory with links to outside", .inside("d")) {
      [[.link("d/a", to: RawPath($0 + "/outside")), .file("d/f")], [.whiteout("d/.wh..wh..opq")]]
    },
  ]

  static let attributes: [HostileLayer] = [
    HostileLayer("owner, mode and time of a link to outside", .inside("link")) {
      var link = Item.link("link", to: RawPath($0 + "/outside/secret"))
      link.entry.mode = 0o4777
      link.entry.userID = 1234
      link.entry.extendedAttributes = ["user.evil": [1], "trusted.evil": [2]]
      return [[link]]
    },
    HostileLayer("an owner that chown takes for none", .refused) { _ in
      var file = Item.file("f")
      file.entry.userID = 4_294_967_295
      return [[file]]
    },
    HostileLayer("attributes of a directory that becomes a link", .inside("d")) {
      [[.directory("d", mode: 0o777)], [.link("d", to: RawPath($0 + "/outside"))]]
    },
    HostileLayer("attributes below a directory that becomes a link", .inside("d")) {
      [[.directory("d/inner", mode: 0o777)], [.link("d", to: RawPath($0 + "/outside"))]]
    },
  ]

  static let devices: [HostileLayer] = [
    HostileLayer("a file in a device", .refused) { _ in
      [[.of(.characterDevice(major: 1, minor: 1), "mem"), .file("mem/f")]]
    },
    HostileLayer("a file over a device", .inside("null")) { _ in
      [[.of(.characterDevice(major: 1, minor: 3), "null"), .file("null", "data")]]
    },
    HostileLayer("a device put outside", .refused) { _ in
      [[.of(.characterDevice(major: 1, minor: 3), "../outside/null")]]
    },
    HostileLayer("a device through a link", .inside("outside/null")) { _ in
      [[.link("link", to: "../outside"), .of(.characterDevice(major: 1, minor: 3), "link/null")]]
    },
    HostileLayer("a file over a pipe, which would wait for a reader", .inside("pipe")) { _ in
      [[.of(.fifo, "pipe"), .file("pipe", "data")]]
    },
    HostileLayer("a file in a file", .refused) { _ in [[.file("f"), .file("f/g")]] },
  ]
}
