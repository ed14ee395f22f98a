import Foundation
import Testing

@testable import Runtimes

@Suite struct ContainerUserTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String?
    var ids: (uid: UInt32, gid: UInt32)
    var groups: [UInt32]
    var home: String
    var testDescription: String { text ?? "nil" }

    init(_ text: String?, _ uid: UInt32, _ gid: UInt32, _ groups: [UInt32], _ home: String) {
      self.text = text
      ids = (uid, gid)
      self.groups = groups
      self.home = home
    }
  }

  @Test(
    arguments: [
      Case(nil, 0, 0, [0, 10], "/root"),
      Case("", 0, 0, [0, 10], "/root"),
      Case("root", 0, 0, [0, 10], "/root"),
      Case("app", 1000, 1001, [1001, 10, 29], "/home/app"),
      Case("app:", 1000, 1001, [1001, 10, 29], "/home/app"),
      // A number that has an entry is that user, the first of several; one that has none is itself.
      Case("1000", 1000, 1001, [1001, 10, 29], "/home/app"),
      Case("77", 77, 0, [0], "/"),
      // Whoever names a group gets that one alone.
      Case("app:wheel", 1000, 10, [10], "/home/app"),
      Case("app:29", 1000, 29, [29], "/home/app"),
      Case("1000:audio", 1000, 29, [29], "/home/app"),
      Case("77:78", 77, 78, [78], "/"),
      Case(":wheel", 0, 10, [10], "/root"),
      Case("homeless", 1003, 1003, [1003], "/"),
      // A name that looks like a number is found as a name.
      Case("12", 1012, 1012, [1012], "/home/twelve"),
      Case("4294967294:4294967294", 4_294_967_294, 4_294_967_294, [4_294_967_294], "/"),
    ])
  func isFoundInTheImagesOwnFiles(_ test: Case) async throws {
    try await withRoot(accounts) { root in
      let user = try ContainerUser(test.text, in: root)
      #expect(user.uid == test.ids.uid)
      #expect(user.gid == test.ids.gid)
      #expect(user.additionalGroups == test.groups)
      #expect(user.home == test.home)
    }
  }

  @Test(
    arguments: [
      ("nobody", "\"nobody\", whom its /etc/passwd does not have"),
      ("app:nobody", "\"nobody\", which its /etc/group does not have"),
      ("broken", "\"broken\", whom"), ("app:broken", "\"broken\", which"), ("short", "\"short\", whom"),
      ("-1", "\"-1\", whom"), ("+1", "\"+1\", whom"), ("#", "\"#\", whom"),
      ("4294967295", "larger than 4294967294"), ("0:4294967295", "larger than 4294967294"),
      ("99999999999999999999", "larger than"), ("a:b:c", "malformed"),
    ])
  func whatIsNotThereIsRefused(_ text: String, _ reason: String) async throws {
    try await withRoot(accounts) { root in
      let words = refusal { try ContainerUser(text, in: root) }
      #expect(words.contains(reason), "\(words)")
    }
  }

  @Test func numbersNeedNoFiles() async throws {
    try await withRoot { root in
      let user = try ContainerUser("12:34", in: root)
      #expect(user.uid == 12 && user.gid == 34 && user.additionalGroups == [34] && user.home == "/")
      #expect(try ContainerUser(nil, in: root).additionalGroups == [0])
      #expect(refusal { try ContainerUser("root", in: root) }.contains("\"root\", whom"))
    }
  }

  /// Else an image would make somebody of the host's users.
  @Test(arguments: ["/outside/passwd", "../../outside/passwd", "../../../../../../outside/passwd"])
  func linksDoNotLeadOutOfTheImage(_ target: String) async throws {
    try await withDirectory { directory in
      try fill(directory, ["/outside/passwd": "thief:x:7:7::/outside:/bin/sh"])
      let link = target.hasPrefix("/") ? directory + target : target
      try fill(directory + "/rootfs", ["/etc/group": ""])
      try FileManager.default.createSymbolicLink(
        atPath: directory + "/rootfs/etc/passwd", withDestinationPath: link)
      let root = try RootDirectory(directory + "/rootfs")
      #expect(refusal { try ContainerUser("thief", in: root) }.contains("does not have"))
      // What the link means within the image is read.
      let inside = target.hasPrefix("/") ? directory + target : "/outside/passwd"
      try fill(directory + "/rootfs", [inside: "own:x:8:8::/own:/bin/sh"])
      #expect(try ContainerUser("own", in: root).uid == 8)
    }
  }

  @Test func filesThatCannotBeAccountsAreRefused() async throws {
    try await withRoot(["/etc/group": "", "/etc/passwd": String(repeating: "x", count: 1 << 20)]) { root in
      #expect(refusal { try ContainerUser("x", in: root) }.contains("does not have"))
      try fill(root.path, ["/etc/passwd": String(repeating: "x", count: (1 << 20) + 1)])
      #expect(refusal { try ContainerUser("x", in: root) }.contains("at most 1048576"))
      // Nobody ever writes to the pipe: who opens it waits.
      let passwd = root.path + "/etc/passwd"
      unlink(passwd)
      #expect(mkfifo(passwd, 0o600) == 0)
      #expect(refusal { try ContainerUser("x", in: root) }.contains("no regular file"))
      unlink(passwd)
      #expect(symlink("passwd", passwd) == 0)
      #expect(refusal { try ContainerUser("x", in: root) }.contains("link to itself"))
    }
  }

  @Test func linesMayEndAsOnWindows() async throws {
    try await withRoot(["/etc/passwd": "app:x:5:6::/home/app\r\n", "/etc/group": "g:x:7:app\r\n"]) { root in
      let user = try ContainerUser("app", in: root)
      #expect(user.home == "/home/app" && user.additionalGroups == [6, 7])
    }
  }
}
