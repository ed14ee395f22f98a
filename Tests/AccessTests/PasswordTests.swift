// The Debian package these tests need: apache2-utils

import Access
import ContainerImage
import Foundation
import Testing

@Suite struct PasswordTests {
  private static let htpasswd = "/usr/bin/htpasswd"

  /// From Openwall's crypt_blowfish, `wrapper.c`.
  @Test(arguments: [
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
    ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
  ])
  func knownHashesMatch(text: String, password: String) throws {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
      let hash = try PasswordHash(parsing: prefix + text.dropFirst(4))
      #expect(hash.cost == 5)
      #expect(hash.matches(password))
      for other in ["", "U*", password + "x", password + "\0", password.lowercased(), password + " "] {
        #expect(!hash.matches(other), "\(other)")
      }
    }
  }

  /// The last bits of a salt do not count; some programs set them.
  @Test func theLastBitsOfASaltDoNotCount() throws {
    let hash = try PasswordHash(parsing: "$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
    #expect(hash.matches("U*U"))
    #expect(!hash.matches("U*U*"))
  }

  @Test func anotherProgramsHashesMatchAndOursMatchThere() throws {
    for (password, cost) in [("secret", 4), ("p:ä€\u{1f600} #", 5), (String(repeating: "x", count: 72), 4)] {
      let made = try Program.run(Self.htpasswd, ["-nbB", "-C", "\(cost)", "alice", password])
      #expect(made.status == 0)
      let theirs = try #require(try PasswordFile(parsing: made.output, what: "htpasswd")["alice"])
      #expect(theirs.cost == cost)
      #expect(theirs.matches(password))
      #expect(!theirs.matches(password.dropLast() + "y"))

      let ours = try PasswordHash(hashing: password, cost: cost)
      #expect(ours.cost == cost)
      #expect(ours.matches(password))
      let file = FileManager.default.temporaryDirectory.appending(
        path: "kontor-passwords-\(UInt32.random(in: .min ... .max))")
      defer { try? FileManager.default.removeItem(at: file) }
      try Data("alice:\(ours.text)\n".utf8).write(to: file)
      #expect(try Program.run(Self.htpasswd, ["-vb", file.path, "alice", password]).status == 0)
      #expect(try Program.run(Self.htpasswd, ["-vb", file.path, "alice", "x"]).status == 3)
    }
  }

  @Test func otherHashesAreRefusedWithTheLine() throws {
    for (option, kind) in [("-m", "MD5"), ("-s", "SHA-1"), ("-d", "a hash by crypt"), ("-p", "in the clear")]
    {
      let made = try Program.run(Self.htpasswd, ["-nb\(option.dropFirst())", "alice", "pa55word"]).output
      let error = #expect(throws: AccessError.self) {
        try PasswordFile(parsing: Array("# Users\n\n".utf8) + made, what: "users")
      }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.hasPrefix("users cannot be used: line 3: it is ") && text.contains(kind), "\(text)")
      #expect(text.contains("'htpasswd -B'"))
      let line = String(decoding: made, as: UTF8.self).trimmingCharacters(in: .newlines)
      #expect(!text.contains(line.dropFirst("alice:".count)))
    }
  }

  private static let hash = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

  @Test func filesAreRead() throws {
    let text = "# bob:x\r\n \t\nalice:\(Self.hash)\r\n\nA L:\(Self.hash)\n#\ne\u{301}:\(Self.hash)"
    let file = try PasswordFile(parsing: Array(text.utf8), what: "users")
    #expect(file.count == 3)
    #expect(file.highestCost == 5)
    for user in ["alice", "A L", "e\u{301}"] { #expect(file[user]?.matches("U*U") == true, "\(user)") }
    for user in ["Alice", "# bob", "bob", "", "\u{e9}"] { #expect(file[user] == nil, "\(user)") }
    let empty = try PasswordFile(parsing: [], what: "users")
    #expect(empty.count == 0 && empty.highestCost == nil)
    let name = "\(file["alice"].map { "\($0)" } ?? "")"
    #expect(!name.contains("CCCC"))
  }

  @Test(arguments: [
    ("alice", "line 1: the colon"), (":\(hash)", "line 1: the name is empty"),
    ("a:\(hash)\nb:\(hash)\na:\(hash)", #"line 3: the user "a" is there twice"#),
    ("a\tb:\(hash)", "a control character"), (" a:\(hash)", "begins or ends with a space"),
    ("a:\(hash):x", "is damaged"), ("a:\(hash) ", "is damaged"),
    ("a: \(hash)", "line 1: it is a hash by crypt"),
    ("a:\(hash.dropLast())", "is damaged"), ("a:\(hash.dropLast())!", "is damaged"),
    ("a:$2y$05", "is damaged"),
    ("a:", "in the clear"), ("a:$2y$\(hash.dropFirst(4).dropLast())€", "is damaged"),
    ("a:$2x$\(hash.dropFirst(4))", "bcrypt of a program with an error"),
    ("a:$2y$03$\(hash.dropFirst(7))", "the cost 3; 4 to 16 are taken"),
    ("a:$2y$17$\(hash.dropFirst(7))", "the cost 17; 4 to 16 are taken"),
    ("a:$2y$+5$\(hash.dropFirst(7))", "is damaged"), ("a:$2y$ 5$\(hash.dropFirst(7))", "is damaged"),
    ("a:$6$x$y", "SHA-512"), ("a:$argon2id$x", "another hash than bcrypt"),
  ])
  func malformedFilesAreRefused(text: String, reason: String) {
    let error = #expect(throws: AccessError.self) {
      try PasswordFile(parsing: Array(text.utf8), what: "users")
    }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.hasPrefix("users cannot be used: line ") && message.contains(reason), "\(message)")
    #expect(!message.contains("CCCC"))
  }

  @Test func filesAreTextWithinALimit() {
    #expect(throws: AccessError.unusable(what: "users", reason: "line 1: it is not UTF-8")) {
      try PasswordFile(parsing: [0xff, 0x3a] + Array(Self.hash.utf8), what: "users")
    }
    let large = [UInt8](repeating: 0x0a, count: PasswordFile.maximumSize + 1)
    #expect(throws: AccessError.tooLarge(what: "users", limit: PasswordFile.maximumSize)) {
      try PasswordFile(parsing: large, what: "users")
    }
  }

  @Test func passwordsThatWouldBeCutAreRefused() throws {
    let long = String(repeating: "x", count: 72)
    let hash = try PasswordHash(hashing: long, cost: 4)
    #expect(hash.matches(long))
    // bcrypt itself would say that these are the same.
    #expect(!hash.matches(long + "y"))
    #expect(try !PasswordHash(hashing: "a", cost: 4).matches("a\0b"))
    for password in [long + "x", String(repeating: "é", count: 37), "a\0b", "\0", ""] {
      #expect(throws: AccessError.self) { try PasswordHash(hashing: password, cost: 4) }
    }
    for cost in [-1, 3, 17, 31] {
      #expect(throws: AccessError.self) { try PasswordHash(hashing: "a", cost: cost) }
    }
    // Each has a salt of its own.
    #expect(try PasswordHash(hashing: "a", cost: 4) != PasswordHash(hashing: "a", cost: 4))
    #expect(try PasswordHash(hashing: "a").cost == 10)
  }

  @Test func nobodyHasNoPassword() throws {
    for (asked, cost) in [(10, 10), (4, 4), (0, 4), (99, 16)] {
      let nobody = PasswordHash.ofNobody(cost: asked)
      #expect(nobody.cost == cost)
      // It is one that is computed as any other.
      #expect(try PasswordHash(parsing: nobody.text) == nobody)
    }
    for password in ["", "x", "."] { #expect(!PasswordHash.ofNobody(cost: 4).matches(password)) }
  }
}
