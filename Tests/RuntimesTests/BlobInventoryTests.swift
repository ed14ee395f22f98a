import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Runtimes

/// Inventories, and the names that images get.
@Suite struct BlobInventoryTests {
  private let digests = [Digest(hashing: [1]), Digest(.sha512, hashing: [2])]

  @Test("a text that was written is read as the same, and is the same for the same content")
  func text() throws {
    var inventory = BlobInventory()
    for (place, digest) in [
      ("b.example/x", digests[0]), ("localhost:5000/team/app", digests[1]), ("b.example/x", digests[1]),
      ("docker.io/library/hello", digests[0]),
    ] {
      inventory.add(digest, in: try QualifiedRepository(parsing: place[...]))
    }
    let lines = inventory.text.split(separator: "\n")
    #expect(lines[0] == "kontor-inventory 1" && lines.count == 5)
    #expect(lines[1...] == lines[1...].sorted()[...])
    #expect(try BlobInventory(parsing: Array(inventory.text.utf8), name: "x") == inventory)
    let other = lines[0] + "\r\n# made by hand\n\n" + lines[1...].reversed().joined(separator: "\r\n")
    #expect(try BlobInventory(parsing: Array(other.utf8), name: "x") == inventory)
    #expect(
      inventory.repositories(having: digests[1]).map(\.description) == [
        "b.example/x", "localhost:5000/team/app",
      ])
    #expect(try BlobInventory(parsing: Array("kontor-inventory 1".utf8), name: "x").isEmpty)
  }

  @Test(
    "what is wrong is named with its line",
    arguments: [
      ("", "list:1: this is no inventory"), ("sha256:x", "list:1: this is no inventory"),
      ("kontor-inventory 2\n", "list:1: the inventory is of a version"),
      ("kontor-inventory 1\n\na.example/b", "list:3: "),
      ("kontor-inventory 1\na.example/b sha256:12", "list:2: \"sha256:12\" is not a digest"),
      ("kontor-inventory 1\nteam/app DIGEST", "list:2: \"team/app\" is no repository with its registry"),
      ("kontor-inventory 1\na.example/b:v1 DIGEST", "list:2: "),
      ("kontor-inventory 1\na.example/b DIGEST more", "expected REGISTRY/REPOSITORY DIGEST"),
    ])
  func wrongLines(text: String, words: String) {
    let text = text.replacing("DIGEST", with: "\(digests[0])")
    let error = refusal { try BlobInventory(parsing: Array(text.utf8), name: "list") }
    #expect(error.contains(words), "\(error)")
  }

  @Test("a file that is something else is refused, and one that is not there")
  func files() async throws {
    try await withDirectory { directory in
      let file = "\(directory)/file"
      #expect(refusal { try BlobInventory(file: file) } == "there is no file \(file)")
      for text in ["kontor", "something else"] {
        try Data(text.utf8).write(to: URL(filePath: file))
        #expect(refusal { try BlobInventory(file: file) }.contains("is neither an inventory nor an archive"))
      }
      var inventory = BlobInventory()
      inventory.add(digests[0], in: try QualifiedRepository(parsing: "a.example/b"))
      try inventory.write(to: file)
      #expect(try BlobInventory(file: file) == inventory)
    }
  }

  // MARK: Names

  @Test(
    "an image keeps its name behind the prefix",
    arguments: [
      ("localhost:5000", false, "localhost:5000/team/app:v1"),
      ("localhost:5000/mirror/all", false, "localhost:5000/mirror/all/team/app:v1"),
      ("docker://localhost:5000/mirror/", true, "localhost:5000/mirror/registry.example-5000/team/app:v1"),
      ("localhost", true, "localhost/registry.example-5000/team/app:v1"),
    ])
  func prefixes(prefix: String, isScoped: Bool, name: String) throws {
    let image = try ImageReference(parsing: "registry.example:5000/team/app:v1")
    #expect(try RegistryPrefix(parsing: prefix, isScoped: isScoped).reference(for: image).description == name)
  }

  @Test(
    "what is no registry is refused",
    arguments: ["mirror", "mirror/all", "", "localhost:5000/a:v1", "localhost:5000/A", "localhost:x", "-a.b"])
  func wrongPrefixes(text: String) {
    #expect(throws: InvalidValue.self) { try RegistryPrefix(parsing: text) }
  }

  @Test("two images that would have one name are refused; what is named by its digest is the same image")
  func collisions() throws {
    let images = try ["a.example/x:v1", "b.example/x:v1"].map { try ImageReference(parsing: $0) }
    let words = refusal { try RegistryPrefix(parsing: "localhost:5000").references(for: images) }
    #expect(words.contains("a.example/x:v1 and b.example/x:v1 would both be localhost:5000/x:v1"))
    #expect(words.contains("--scoped"))
    let scoped = try RegistryPrefix(parsing: "localhost:5000", isScoped: true).references(for: images)
    #expect(scoped.map(\.description) == ["localhost:5000/a.example/x:v1", "localhost:5000/b.example/x:v1"])
    let digests = try ["a", "b"].map { try ImageReference(parsing: "\($0).example/x@\(self.digests[0])") }
    #expect(try RegistryPrefix(parsing: "localhost:5000").references(for: digests).count == 2)
    let same = [images[0], images[0]]
    #expect(try RegistryPrefix(parsing: "localhost:5000").references(for: same).count == 2)
  }
}
