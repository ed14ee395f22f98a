import Foundation
import ImageTransfer
import Testing
import Trust

@testable import Runtimes

@Suite struct KeyPrefixStoreTests {
  private static let now = Date(timeIntervalSince1970: 2_500_000_000)

  /// Runs `body` with two directories that are not there yet, and with keys that GnuPG makes.
  private func withStore(
    keys: Int, _ body: (KeyPrefixStore, _ directories: [String], [TestKey]) async throws -> Void
  ) async throws {
    try await withDirectory { directory in
      // A short path: the agent's socket is in it.
      let home = "/tmp/kontor-gpg-\(UInt32.random(in: .min ... .max))"
      try FileManager.default.createDirectory(
        atPath: home, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      defer {
        // The agent may be ending still, and removes its sockets.
        for _ in 0..<1000 where FileManager.default.fileExists(atPath: home) {
          if (try? FileManager.default.removeItem(atPath: home)) == nil { usleep(10_000) }
        }
      }
      var made: [TestKey] = []
      do {
        for number in 0..<keys { made.append(try await TestKey("Key \(number)", home)) }
      } catch {
        try await Program.gpgconf.run("--homedir", home, "--kill", "all")
        throw error
      }
      try await Program.gpgconf.run("--homedir", home, "--kill", "all")
      let directories = ["\(directory)/usr/lib/rkt/trustedkeys", "\(directory)/etc/rkt/trustedkeys"]
      try await body(KeyPrefixStore(directories: directories), directories, made)
    }
  }

  private struct TestKey {
    let armored: String
    let keyring: OpenPGPKeyring
    var fingerprint: OpenPGPFingerprint { keyring.keys[0].fingerprint }

    init(_ user: String, _ home: String) async throws {
      let options = ["--homedir", home, "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
      try await Program.gpg.run(options + ["--quick-generate-key", user, "ed25519", "sign", "never"])
      armored = try await Program.gpg.run(options + ["--armor", "--export", user])
      keyring = try OpenPGPKeyring(parsing: Array(armored.utf8), at: KeyPrefixStoreTests.now)
    }
  }

  private func write(_ text: String, _ path: String) throws {
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  private func trusted(_ store: KeyPrefixStore, _ image: String) throws -> Set<OpenPGPFingerprint> {
    Set(try store.keyring(for: KeyPrefix(parsing: image), at: Self.now).keys.map(\.fingerprint))
  }

  @Test func aPrefixEndsAtASlash() async throws {
    try await withStore(keys: 4) { store, directories, keys in
      #expect(try trusted(store, "example.com/a").isEmpty)
      let places = ["root.d", "prefix.d/example.com", "prefix.d/example.com/a", "prefix.d/example.com/a/b"]
      for (key, place) in zip(keys, places) {
        try write(key.armored, "\(directories[0])/\(place)/\(key.fingerprint)")
      }
      let expected = [
        "example.org": 1, "example.com": 2, "example.com/ab": 2, "example.com/a": 3, "example.com/a/c": 3,
        "example.com/a/b": 4, "example.com/a/b/c": 4, "example.co": 1,
      ]
      for (image, count) in expected {
        let found = try trusted(store, image)
        #expect(found == Set(keys.prefix(count).map(\.fingerprint)), "\(image)")
      }
    }
  }

  @Test func addsKeysWhereAndAsRktReadsThem() async throws {
    try await withStore(keys: 2) { store, directories, keys in
      var ring = keys[0].keyring
      ring.add(keys[1].keyring)
      let scopes: [(KeyPrefixStore.Scope, String)] = [
        (.prefix(try KeyPrefix(parsing: "example.com/a")), "prefix.d/example.com/a"), (.everyImage, "root.d"),
      ]
      for (key, (scope, place)) in zip(keys, scopes) {
        let path = try store.add(key.fingerprint, from: ring, for: scope, at: Self.now)
        #expect(path == "\(directories[1])/\(place)/\(key.fingerprint)")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
        #expect(try OpenPGPKeyring(parsing: Array(text.utf8), at: Self.now).keys == key.keyring.keys)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o644)
        // No other file beside it, which rkt would stumble over.
        let directory = URL(filePath: path).deletingLastPathComponent().path
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["\(key.fingerprint)"])
      }
      #expect(try trusted(store, "example.com/a/b") == Set(keys.map(\.fingerprint)))
      #expect(try trusted(store, "example.org") == [keys[1].fingerprint])
      #expect(throws: TransferError.self) {
        _ = try store.add(keys[0].fingerprint, from: keys[1].keyring, for: .everyImage, at: Self.now)
      }
    }
  }

  @Test func anEmptyFileTakesTrustAway() async throws {
    try await withStore(keys: 2) { store, directories, keys in
      let name = keys[0].fingerprint
      let all = Set(keys.map(\.fingerprint))
      for key in keys {
        try write(key.armored, "\(directories[0])/root.d/\(key.fingerprint)")
        try write(key.armored, "\(directories[0])/prefix.d/example.com/\(key.fingerprint)")
      }
      #expect(try trusted(store, "example.com/a") == all)
      // For every image; but the earlier directory's prefix still names the key.
      try write("", "\(directories[1])/root.d/\(name)")
      #expect(try trusted(store, "example.org") == [keys[1].fingerprint])
      #expect(try trusted(store, "example.com/a") == all)
      // For those of a prefix.
      try write("", "\(directories[1])/prefix.d/example.com/a/\(name)")
      #expect(try trusted(store, "example.com/a") == [keys[1].fingerprint])
      #expect(try trusted(store, "example.com/b") == all)
      // An earlier directory does not take away what a later one gives.
      try write(keys[0].armored, "\(directories[1])/prefix.d/example.com/b/\(name)")
      try write("", "\(directories[0])/prefix.d/example.com/b/\(name)")
      #expect(try trusted(store, "example.com/b") == all)
    }
  }

  @Test func onlyTheFirstKeyOfAFileCounts() async throws {
    try await withStore(keys: 2) { store, directories, keys in
      let path = "\(directories[1])/root.d/\(keys[0].fingerprint)"
      try write(keys[0].armored + keys[1].armored, path)
      #expect(try trusted(store, "example.com") == [keys[0].fingerprint])
      try write(keys[1].armored + keys[0].armored, path)
      #expect(throws: TransferError.self) { _ = try trusted(store, "example.com") }
    }
  }

  @Test func filesThatAreNoKeysAreErrors() async throws {
    try await withStore(keys: 1) { store, directories, keys in
      let directory = "\(directories[1])/root.d"
      for (name, text) in [
        ("\(keys[0].fingerprint)", "no key"), ("README", keys[0].armored),
        ("\(keys[0].fingerprint)".uppercased(), keys[0].armored),
      ] {
        try write(text, "\(directory)/\(name)")
        let error = #expect(throws: TransferError.self) { _ = try trusted(store, "example.com") }
        #expect(error.map { "\($0)".contains("\(directory)/\(name)") } == true)
        try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
      }
      try FileManager.default.createDirectory(atPath: directory + "/old", withIntermediateDirectories: true)
      #expect(try trusted(store, "example.com").isEmpty)
    }
  }

  @Test(arguments: [
    "", "/", "a/", "/a", "a//b", "..", "a/../b", "a/.", ".a", "A", "a b", "a_", "ä", "a\n", "example.com/*",
  ])
  func refusesWhatIsNoPrefix(text: String) {
    #expect(throws: (any Error).self) { _ = try KeyPrefix(parsing: text) }
  }
}
