import ContainerImage
import Testing

@testable import Runtimes

@Suite struct LXCContainerTests {
  /// The values of each key, as LXC reads them: without the quotes around.
  private func values(
    _ image: ImageConfig, options: LXCContainer.Options = .init(), files: [String: String] = accounts
  ) async throws -> [String: [String]] {
    try await withRoot(files) { root in
      let container = try LXCContainer(
        image, name: "c1", root: root, rootPath: "/srv/lxc/c1/rootfs", options: options)
      var values: [String: [String]] = [:]
      for line in container.text.split(separator: "\n") {
        let parts = line.split(separator: " = ", maxSplits: 1)
        #expect(parts.count == 2 && parts[1].first == "\"" && parts[1].last == "\"" && parts[1].count > 1)
        values[String(parts[0]), default: []].append(String(parts[1].dropFirst().dropLast()))
      }
      return values
    }
  }

  @Test func theImageIsWhatTheContainerRuns() async throws {
    let values = try await values(
      config {
        $0.command = ["-c", "x y"]
        $0.user = "app"
        $0.workingDirectory = "/a b"
        $0.environment = ["PATH=/bin", "A='b' \"c\" "]
      })
    #expect(values["lxc.rootfs.path"] == ["dir:/srv/lxc/c1/rootfs"])
    #expect(values["lxc.uts.name"] == ["c1"])
    #expect(values["lxc.net.0.type"] == ["empty"])
    #expect(values["lxc.apparmor.profile"] == ["unconfined"])
    #expect(values["lxc.execute.cmd"] == ["'/bin/sh' '-c' 'x y'"])
    #expect(values["lxc.init.cwd"] == ["/a b"])
    #expect(values["lxc.init.uid"] == ["1000"])
    #expect(values["lxc.init.gid"] == ["1001"])
    #expect(values["lxc.init.groups"] == ["1001,10,29"])
    #expect(values["lxc.environment"] == ["PATH=/bin", "A='b' \"c\" ", "HOME=/home/app"])
  }

  @Test func theCommonConfigIsIncludedWhereItIs() async throws {
    try await withDirectory { directory in
      try fill(directory, ["/common.conf": ""])
      var options = LXCContainer.Options()
      options.commonConfig = directory + "/common.conf"
      options.network = .host
      let with = try await values(config(), options: options)
      #expect(with["lxc.include"] == [directory + "/common.conf"])
      #expect(with["lxc.cap.drop"] == nil)
      #expect(with["lxc.net.0.type"] == ["none"])
      options.commonConfig += ".not"
      let without = try await values(config(), options: options)
      #expect(without["lxc.include"] == nil)
      #expect(without["lxc.cap.drop"] == ["mac_admin mac_override sys_time sys_module sys_rawio"])
      #expect(without["lxc.mount.auto"] == ["cgroup:mixed proc:mixed sys:mixed"])
    }
  }

  @Test func lxcStartHasACommandWithoutQuotes() async throws {
    let bare = try await values(config { $0.command = ["it's", "\"x\"", "#", "'"] })
    #expect(bare["lxc.init.cmd"] == ["/bin/sh it's \"x\" # '"])
    for argument in ["x y", "", "x\ny"] {
      let image = config { $0.command = [argument] }
      let command = try await values(image, files: ["/bin/sh": ""])["lxc.init.cmd"]?.first ?? ""
      #expect(command.hasPrefix("/bin/sh -c eval${IFS}\"$(printf${IFS}\"\\145"), "\(command)")
      #expect(command.split(separator: " ").count == 3)
    }
    // Without a shell, lxc-execute can still do what lxc-start cannot.
    try await withRoot { root in
      let image = config { $0.command = ["x y"] }
      let container = try LXCContainer(image, name: "c", root: root, rootPath: "/c")
      #expect(container.text.contains("\nlxc.execute.cmd = \"'/bin/sh' 'x y'\"\n"))
      #expect(!container.text.contains("lxc.init.cmd"))
      #expect(container.shortcomings.count == 1)
      #expect(try LXCContainer(config(), name: "c", root: root, rootPath: "/c").shortcomings == [])
    }
  }

  @Test(
    arguments: [
      ("a", "'a'"), ("", "''"), ("it's", "\"it's\""), ("a \"b\"", "'a \"b\"'"), ("a'b\"c", "a'b\"c"),
      ("#\\", "'#\\'"),
    ])
  func wordsAreQuotedAsLXCReadsThem(_ argument: String, _ word: String) async throws {
    let values = try await values(config { $0.entrypoint = ["/p", argument] })
    #expect(values["lxc.execute.cmd"] == ["'/p' \(word)"])
  }

  @Test(arguments: ["a'b \"c", "'\"", "two\nlines"])
  func whatLXCCannotReadIsLeftToTheImagesShell(_ argument: String) async throws {
    let image = config { $0.entrypoint = ["/p", argument] }
    let command = try await values(image, files: ["/bin/sh": ""])["lxc.execute.cmd"]?.first ?? ""
    #expect(
      command.hasPrefix("'/bin/sh' '-c' 'eval${IFS}\"$(printf${IFS}\"\\145\\170\\145\\143\\040"), "\(command)"
    )
    try await withRoot { root in
      let words = refusal { try LXCContainer(image, name: "c", root: root, rootPath: "/c") }
      #expect(words.contains("has no /bin/sh"), "\(words)")
    }
  }

  @Test func variablesOfSeveralLinesAreLeftToTheImagesShell() async throws {
    let files = ["/bin/sh": ""]
    let values = try await values(config { $0.environment = ["A=1\n2", "B=3"] }, files: files)
    #expect(values["lxc.environment"]?.contains("B=3") == true)
    #expect(values["lxc.environment"]?.contains { $0.hasPrefix("A=") } == false)
    try await withRoot(files) { root in
      let image = config { $0.environment = ["a.b=1\n2"] }
      #expect(refusal { try LXCContainer(image, name: "c", root: root, rootPath: "/c") }.contains("\"a.b\""))
    }
  }

  @Test(arguments: [
    "", ".", "..", "a/b", "-a", "a b", "a\nlxc.hook.start = /x", String(repeating: "a", count: 65),
  ])
  func namesThatAreNoneAreRefused(_ name: String) async throws {
    try await withRoot { root in
      #expect(
        refusal { try LXCContainer(config(), name: name, root: root, rootPath: "/c") }.contains("no name"))
    }
  }

  @Test(arguments: ["relative", "/a\nlxc.hook.start = /x"])
  func pathsThatAreNoneAreRefused(_ path: String) async throws {
    try await withRoot { root in
      #expect(
        refusal { try LXCContainer(config(), name: "c", root: root, rootPath: path) }.contains("another path")
      )
    }
  }

  /// A line of the image's must not become one of the configuration.
  @Test func aWorkingDirectoryOfSeveralLinesIsRefused() async throws {
    try await withRoot(["/bin/sh": ""]) { root in
      let image = config { $0.workingDirectory = "/a\nlxc.hook.start = /x" }
      #expect(
        refusal { try LXCContainer(image, name: "c", root: root, rootPath: "/c") }.contains(
          "working directory"))
    }
  }
}
