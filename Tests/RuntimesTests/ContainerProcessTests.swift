import ContainerImage
import Foundation
import Testing

@testable import Runtimes

@Suite struct ContainerProcessTests {
  private func process(
    arguments: [String]? = nil, terminal: Bool = false,
    _ change: (inout ImageConfig.Execution) -> Void
  ) async throws -> ContainerProcess {
    try await withRoot(accounts) { root in
      try ContainerProcess(config(change), in: root, arguments: arguments, terminal: terminal)
    }
  }

  @Test(
    arguments: [
      (["/e", "1"], ["2"], nil, ["/e", "1", "2"]), (nil, ["c", ""], nil, ["c", ""]),
      (["/e"], nil, nil, ["/e"]),
      (["/e"], ["c"], ["other", "x y"], ["other", "x y"]), (nil, nil, ["other"], ["other"]),
    ] as [([String]?, [String]?, [String]?, [String])])
  func theCommandLine(
    _ entrypoint: [String]?, _ command: [String]?, _ arguments: [String]?, _ expected: [String]
  ) async throws {
    let process = try await process(arguments: arguments) {
      $0.entrypoint = entrypoint
      $0.command = command
    }
    #expect(process.arguments == expected)
  }

  @Test(arguments: [nil, [], [""]] as [[String]?])
  func anImageWithoutCommandIsRefused(_ entrypoint: [String]?) async throws {
    try await withRoot { root in
      let words = refusal { try ContainerProcess(config { $0.entrypoint = entrypoint }, in: root) }
      #expect(words.contains("no entrypoint and no command"), "\(words)")
    }
  }

  @Test(
    arguments: [
      (nil, "/"), ("", "/"), ("/", "/"), ("/a/b", "/a/b"), ("/a//b/./c/../d/", "/a/b/d"), ("../..", "/"),
      ("a", "/a"),
    ] as [(String?, String)])
  func theWorkingDirectoryIsAbsolute(_ given: String?, _ expected: String) async throws {
    #expect(try await process { $0.workingDirectory = given }.workingDirectory == expected)
  }

  @Test func theEnvironmentIsTheImagesWithWhatItLacks() async throws {
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    let bare = try await process { $0.user = "app" }
    #expect(bare.environment.map(\.description) == [path, "HOME=/home/app"])
    let terminal = try await process(terminal: true) { $0.environment = ["A=b=c", "E="] }
    #expect(
      terminal.environment.map(\.description) == ["A=b=c", "E=", path, "HOME=/root", "TERM=xterm"])
    let own = try await process(terminal: true) { $0.environment = ["TERM=vt100", "HOME=/h", "PATH=/p"] }
    #expect(own.environment.map(\.description) == ["TERM=vt100", "HOME=/h", "PATH=/p"])
    let twice = try await process { $0.environment = ["A=1", "HOME=/h", "PATH=/p", "A=2", "B=3", "B"] }
    #expect(twice.environment.map(\.description) == ["A=2", "HOME=/h", "PATH=/p"])
  }

  @Test func whatNoProcessCanBeGivenIsRefused() async throws {
    try await withRoot { root in
      let cases: [((inout ImageConfig.Execution) -> Void, String)] = [
        ({ $0.environment = ["=x"] }, "lacks a name"), ({ $0.environment = ["A=\0"] }, "zero byte"),
        ({ $0.command = ["\0"] }, "zero byte"), ({ $0.workingDirectory = "/\0" }, "zero byte"),
      ]
      for (change, reason) in cases {
        #expect(refusal { try ContainerProcess(config(change), in: root) }.contains(reason))
      }
      var foreign = config()
      foreign.os = "windows"
      #expect(refusal { try ContainerProcess(foreign, in: root) }.contains("\"windows\""))
    }
  }

  @Test func theWorkingDirectoryIsMadeWithinTheImage() async throws {
    try await withDirectory { directory in
      try fill(directory + "/rootfs", ["/file": ""])
      try fill(directory + "/outside", [:])
      #expect(symlink(directory + "/outside", directory + "/rootfs/link") == 0)
      let root = try RootDirectory(directory + "/rootfs")
      let made = try root.makeDirectory("/a/b c/d")
      #expect(made == root.path + "/a/b c/d")
      #expect(try root.contains("/a/b c/d"))
      #expect(try root.makeDirectory("/a/b c/d") == made)
      // The link leads to a place in the image that is not there.
      #expect(refusal { try root.makeDirectory("/link/x") }.contains("/link is no directory"))
      #expect(access(directory + "/outside/x", F_OK) != 0)
      #expect(refusal { try root.makeDirectory("/file/x") }.contains("no directory"))
      #expect(refusal { try root.makeDirectory("/file") }.contains("no directory"))
      #expect(try root.makeDirectory("/") == root.path)
    }
  }
}
