// The Debian packages these tests need: libldap-dev, openssl, slapd

import LDAP
import Testing

@Suite struct LoginTests {
  private static let alice = LDAPDirectory.Entry(
    name: "alice", groups: ["developers", #"*)(cn=ä "x", +\"#], dn: "uid=alice,ou=people,dc=example,dc=org")

  @Test func passwordsAreChecked() async throws {
    try await DirectoryServer.run { server in
      let directory = LDAPDirectory(try server.configuration())
      #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword) == Self.alice)
      let rights = [
        ("bob", DirectoryServer.bobsPassword), ("carol", DirectoryServer.carolsPassword),
        (DirectoryServer.fayName, "fay-pa55"), ("bulk", "bulk-pa55"),
      ]
      for (user, password) in rights {
        #expect(try await directory.login(user, password: password)?.name == user)
        for wrong in [
          password + "x", String(password.dropLast()), password.uppercased(), password + "\0", " ",
        ] {
          let verdict = try await directory.verdict(on: user, password: wrong)
          #expect(verdict == .refused(.wrongPassword), "\(user) \(wrong)")
        }
        for none in ["", "\0", "\0\0", "\0" + password, String(repeating: "x", count: 1025)] {
          let verdict = try await directory.verdict(on: user, password: none)
          #expect(verdict == .refused(.unusablePassword), "\(user)")
        }
      }
      // Up to the NUL it is the same.
      #expect(try await directory.login("bob", password: "pass") == nil)
      #expect(try await directory.login("bob", password: "pass\0other") == nil)
      // Somebody without a password has none at all.
      for password in ["", "x", "dave"] {
        #expect(try await directory.login("dave", password: password) == nil)
      }
    }
  }

  @Test func namesAreTheDirectorys() async throws {
    try await DirectoryServer.run { server in
      let directory = LDAPDirectory(try server.configuration())
      for typed in ["alice", "ALICE", "Alice", " alice", "alice "] {
        let entry = try await directory.login(typed, password: DirectoryServer.alicesPassword)
        #expect(entry == Self.alice, "\(typed)")
      }
      // Of several values always the first by its bytes: nobody chooses who he is.
      for typed in ["erin", "erin.x", "Zoe", "zoe", "ERIN.X"] {
        #expect(try await directory.login(typed, password: "erin-pa55")?.name == "Zoe")
      }
      // Values that are no text are left out.
      let photo = LDAPDirectory(try server.configuration(userName: "jpegPhoto"))
      #expect(try await photo.login("alice", password: DirectoryServer.alicesPassword)?.name == "zz-top")
    }
  }

  @Test func unknownAndAmbiguousUsersAreRefused() async throws {
    try await DirectoryServer.run { server in
      let directory = LDAPDirectory(try server.configuration())
      for user in [
        "mallory", "people", "uid=alice,ou=people,dc=example,dc=org", "é", String(repeating: "a", count: 256),
      ] {
        #expect(try await directory.verdict(on: user, password: "x") == .refused(.unknownUser))
        #expect(try await directory.verdict(on: user) == .refused(.unknownUser))
      }
      for user in ["twin", "several"] {
        let refusal = LDAPVerdict.refused(.ambiguous(filter: "(uid=\(user))"))
        #expect(try await directory.verdict(on: user, password: "\(user)-pa55") == refusal)
        #expect(try await directory.verdict(on: user) == refusal)
        #expect(try await directory.login(user, password: "\(user)-pa55") == nil)
      }
      let others = LDAPDirectory(try server.configuration(userBase: "ou=others,\(DirectoryServer.people)"))
      #expect(try await others.login("twin", password: "twin-pa55")?.name == "twin")
      for user in [
        "", "al\0ice", "alice\0", "alice\n", "\u{7f}alice", "alice\u{85}", String(repeating: "a", count: 257),
      ] {
        let verdict = try await directory.verdict(on: user, password: DirectoryServer.alicesPassword)
        #expect(verdict == .refused(.unusableName))
        #expect(try await directory.verdict(on: user) == .refused(.unusableName))
      }
    }
  }

  @Test func namesCannotChangeTheFilter() async throws {
    try await DirectoryServer.run { server in
      let either = try LDAPFilter(parsing: "(&(objectClass=inetOrgPerson)(|(uid={user})(mail={user})))")
      for filter in [LDAPFilter.user, either] {
        let directory = LDAPDirectory(try server.configuration(userFilter: filter))
        let names = [
          "*", "a*", "ali*e", "alice*", "a*)(uid=bob", "alice)(objectClass=*", ")(|(uid=*",
          "*)(uid=*))(|(uid=*",
          #"\2a"#, #"\61lice"#, #"alice\"#, #"\"#, "(", ")", "{user}", "{dn}", "alice)", "(alice", "&",
          "|(uid=alice)",
        ]
        for name in names {
          for password in [DirectoryServer.alicesPassword, DirectoryServer.bobsPassword, "fay-pa55"] {
            let verdict = try await directory.verdict(on: name, password: password)
            #expect(verdict == .refused(.unknownUser), "\(name)")
          }
          #expect(try await directory.entry(of: name) == nil, "\(name)")
        }
        // And one who is really called so, in the group's filter as well.
        let fay = try await directory.login(DirectoryServer.fayName, password: "fay-pa55")
        #expect(fay?.groups == Self.alice.groups)
      }
    }
  }

  @Test func groupsAreFound() async throws {
    try await DirectoryServer.run { server in
      func groups(_ configuration: LDAPDirectory.Configuration) async throws -> Set<String>? {
        let directory = LDAPDirectory(configuration)
        let entry = try await directory.login("ALICE", password: DirectoryServer.alicesPassword)
        #expect(try await directory.entry(of: "alice") == entry)
        return entry?.groups
      }
      #expect(try await groups(server.configuration(groupBase: nil)) == [])
      #expect(try await groups(server.configuration(groupBase: "ou=none,\(DirectoryServer.base)")) == [])
      let byName = try LDAPFilter(parsing: "(memberUid={user})")
      #expect(try await groups(server.configuration(groupFilter: byName)) == ["posix"])
      let both = try LDAPFilter(parsing: "(|(member={dn})(memberUid={user}))")
      #expect(try await groups(server.configuration(groupFilter: both)) == Self.alice.groups.union(["posix"]))
      // Another attribute, which only some have.
      let described = try server.configuration(groupName: "description")
      let error = await #expect(throws: LDAPError.self) { try await groups(described) }
      #expect(error?.description.contains("has no attribute description") == true)
      let bob = try await LDAPDirectory(server.configuration()).login(
        "bob", password: DirectoryServer.bobsPassword)
      #expect(bob?.groups == ["developers", "operators"])
      let carol = try await LDAPDirectory(server.configuration()).entry(of: "carol")
      #expect(carol?.groups == [])
    }
  }

  @Test(arguments: [1000, 1001]) func aUserHasSoManyGroups(number: Int) async throws {
    try await DirectoryServer.run(DirectoryServer.Options(groups: number)) { server in
      let directory = LDAPDirectory(try server.configuration())
      if number <= LDAPDirectory.maximumGroups {
        #expect(try await directory.login("bulk", password: "bulk-pa55")?.groups.count == number)
      } else {
        let error = await #expect(throws: LDAPError.self) {
          try await directory.login("bulk", password: "bulk-pa55")
        }
        #expect(error?.description.contains("more than 1000 groups") == true)
        // That is not said to who does not know the password.
        #expect(try await directory.login("bulk", password: "x") == nil)
      }
    }
  }

  @Test func usersAreFoundWithoutAPassword() async throws {
    try await DirectoryServer.run { server in
      let directory = LDAPDirectory(try server.configuration())
      #expect(try await directory.entry(of: "alice") == Self.alice)
      #expect(try await directory.entry(of: "dave")?.name == "dave")
      // Tokens have the directory's spelling; with another one, it is somebody else.
      #expect(try await directory.verdict(on: "ALICE") == .refused(.otherName(found: "alice")))
      #expect(try await directory.entry(of: "mallory") == nil)
    }
  }

  @Test func lockedUsersAreRefused() async throws {
    try await DirectoryServer.run(DirectoryServer.Options(hasPasswordPolicy: true)) { server in
      let directory = LDAPDirectory(try server.configuration())
      #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword) != nil)
      for _ in 0..<3 { #expect(try await directory.login("alice", password: "x") == nil) }
      #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword) == nil)
      #expect(try await directory.login("bob", password: DirectoryServer.bobsPassword) != nil)
    }
  }

  @Test func manyLogInAtTheSameTime() async throws {
    try await DirectoryServer.run { server in
      let directory = LDAPDirectory(try server.configuration(timeout: .seconds(60)))
      let rights = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<50 {
          group.addTask {
            switch number % 4 {
            case 0:
              try await directory.login("alice", password: DirectoryServer.alicesPassword) == Self.alice
            case 1: try await directory.login("bob", password: DirectoryServer.bobsPassword)?.name == "bob"
            case 2: try await directory.login("alice", password: DirectoryServer.bobsPassword) == nil
            default: try await directory.entry(of: "carol")?.name == "carol"
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(rights.count == 50 && rights.allSatisfy { $0 })
    }
  }
}
