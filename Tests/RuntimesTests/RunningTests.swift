import ContainerImage
import Foundation
import Testing

@testable import Runtimes

/// What was written is given to the programs it is for, and containers of the image say what they are. As
/// root.
@Suite(.serialized) struct RunningTests {
  /// Makes a root directory with Debian's busybox.
  private func makeRoot(_ path: String) async throws -> RootDirectory {
    try fill(
      path,
      [
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
        "/etc/group": "root:x:0:\napp:x:1001:\nwheel:x:10:app\n", "/etc/os-release": "ID=test\n",
        "/bin/keep": "",
        "/data/seed": "from the image\n",
      ])
    for directory in ["/usr", "/proc", "/sys", "/dev", "/tmp", "/root"] {
      try FileManager.default.createDirectory(atPath: path + directory, withIntermediateDirectories: true)
    }
    try await copy(Program.busybox.path(), to: path + "/bin/busybox")
    for applet in ["sh", "id", "cat"] {
      try FileManager.default.createSymbolicLink(
        atPath: path + "/bin/" + applet, withDestinationPath: "busybox")
    }
    return try RootDirectory(path)
  }

  /// Gives the root the program by which nspawn looks up users, with its libraries.
  private func addGetent(to root: RootDirectory) async throws {
    let getent = try Program.getent.path()
    let libraries = try await Program.ldd.run(getent).split { $0 == " " || $0 == "\n" || $0 == "\t" }
      .filter { $0.hasPrefix("/") }.map(String.init)
    for file in libraries + ["/usr/bin/getent"] {
      let place = URL(filePath: root.path + file)
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      let source = file == "/usr/bin/getent" ? getent : file
      try await copy(source, to: place.path())
    }
  }

  /// By a process of its own: a file that this one writes may be open in a child that another test starts just then, and is
  /// "busy" for whoever runs it until that child has become its program.
  private func copy(_ source: String, to place: String) async throws {
    try await Program.cp.run("-L", source, place)
  }

  /// A command that no format can hold without quoting, from an image that sets all there is.
  private func image(user: String?, lines: Bool = true) -> ImageConfig {
    config {
      $0.entrypoint = [
        "/bin/sh", "-c",
        #"echo "user $(id -u) $(id -g) $(id -G)"; echo "cwd $PWD"; echo "home $HOME"; echo "env <$GREETING>"; "#
          + #"for word in "$@"; do echo "word <$word>"; done"#,
        "sh",
      ]
      $0.command = ["it's", "a \"b\"", "", #"\ $HOME %h #"#] + (lines ? ["it's \"two\nlines\" é"] : [])
      $0.environment = [#"GREETING= it's "\n" $HOME %h "# + (lines ? "\nand more" : "")]
      $0.workingDirectory = "/srv/a b"
      $0.user = user
    }
  }

  private func expected(user: String, home: String, lines: Bool = true) -> String {
    """
    user \(user)
    cwd /srv/a b
    home \(home)
    env < it's "\\n" $HOME %h \(lines ? "\nand more" : "")>
    word <it's>
    word <a "b">
    word <>
    word <\\ $HOME %h #>
    \(lines ? "word <it's \"two\nlines\" é>\n" : "")
    """
  }

  private static let users: [(String?, String, String)] = [
    (nil, "0 0 0", "/root"), ("app", "1000 1001 1001 10", "/home/app"),
    ("app:wheel", "1000 10 10", "/home/app"),
    ("1234:5678", "1234 5678 5678", "/"),
  ]

  private func runc(_ directory: String, _ bundle: RuntimeBundle, as prefix: [String] = []) async throws
    -> String
  {
    try Data(bundle.json()).write(to: URL(filePath: directory + "/config.json"))
    let name = "kontor-\(UUID())"
    let arguments = ["--root", directory + "/state", "run", "--bundle", directory, name]
    guard !prefix.isEmpty else { return try await Program.runc.run(arguments) }
    return try await Program.setpriv.run(prefix + [Program.runc.path()] + arguments)
  }

  @Test(arguments: users)
  func runcRunsABundle(_ user: String?, _ ids: String, _ home: String) async throws {
    try await withDirectory { directory in
      let root = try await makeRoot(directory + "/rootfs")
      let output = try await runc(directory, RuntimeBundle(image(user: user), root: root))
      #expect(output == expected(user: ids, home: home))
    }
  }

  @Test func runcRunsABundleWithATerminal() async throws {
    try await withDirectory { directory in
      let root = try await makeRoot(directory + "/rootfs")
      var options = RuntimeBundle.Options()
      options.terminal = true
      options.arguments = [
        "/bin/sh", "-c", "test -t 0 && test -t 1 && echo \"a $TERM of $(cat /proc/sys/kernel/hostname)\"",
      ]
      options.hostname = "ship"
      let bundle = try RuntimeBundle(config(), root: root, options: options)
      try Data(bundle.json()).write(to: URL(filePath: directory + "/config.json"))
      let command =
        "\(try Program.runc.path()) --root \(directory)/state run --bundle \(directory) kontor-\(UUID())"
      let output = try await Program.script.run("--quiet", "--return", "--command", command, "/dev/null")
      // Before it, script(1) echoes the end of its input.
      #expect(output.hasSuffix("a xterm of ship\r\n"))
    }
  }

  @Test func runcRunsABundleWithVolumes() async throws {
    try await withDirectory { directory in
      let root = try await makeRoot(directory + "/rootfs")
      let image = config {
        $0.command = ["-c", "cat /data/seed; echo written >> /data/seed; echo root > /outside"]
        $0.volumes = ["/data": .init()]
      }
      let bundle = try RuntimeBundle(image, root: root)
      try bundle.makeVolumes(of: root, in: directory)
      #expect(try await runc(directory, bundle) == "from the image\n")
      // What a run wrote the next one finds, and it is not in the root.
      #expect(try await runc(directory, bundle) == "from the image\nwritten\n")
      #expect(try FileManager.default.contentsOfDirectory(atPath: root.path + "/data") == [])
      #expect(try root.contains("/outside"))
    }
  }

  @Test func runcRunsARootlessBundle() async throws {
    try await withDirectory { directory in
      let root = try await makeRoot(directory + "/rootfs")
      var options = RuntimeBundle.Options()
      options.rootless = .currentUser
      let output = try await runc(directory, RuntimeBundle(image(user: nil), root: root, options: options))
      #expect(output == expected(user: "0 0 0", home: "/root"))
    }
  }

  @Test func anotherUserRunsARootlessBundle() async throws {
    try await withDirectory { directory in
      let user: UInt32 = 61_234
      let root = try await makeRoot(directory + "/rootfs")
      var options = RuntimeBundle.Options()
      options.rootless = RootlessIDs(
        uids: [.init(containerID: 0, hostID: user, size: 1)],
        gids: [.init(containerID: 0, hostID: user, size: 1)])
      let bundle = try RuntimeBundle(image(user: nil), root: root, options: options)
      let all = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
      for path in [""] + all { #expect(lchown(directory + "/" + path, user, user) == 0) }
      let output = try await runc(
        directory, bundle, as: ["--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--"])
      #expect(output == expected(user: "0 0 0", home: "/root"))
    }
  }

  @Test(arguments: users, [true, false])
  func lxcExecuteRunsAContainer(_ user: (String?, String, String), _ lines: Bool) async throws {
    try await withDirectory { directory in
      let name = "kontor-\(UUID())"
      let root = try await makeRoot("\(directory)/\(name)/rootfs")
      let image = image(user: user.0, lines: lines)
      let container = try LXCContainer(image, name: name, root: root, rootPath: root.path)
      try ContainerProcess(image, in: root).makeWorkingDirectory(in: root)
      try fill(directory, ["/\(name)/config": container.text])
      let output = try await Program.lxcExecute.run("-P", directory, "-n", name)
      #expect(output == expected(user: user.1, home: user.2, lines: lines))
    }
  }

  /// What the container prints goes to a console that nobody reads, so it writes a file.
  @Test(arguments: users, [true, false])
  func lxcStartRunsAContainer(_ user: (String?, String, String), _ lines: Bool) async throws {
    try await withDirectory { directory in
      let name = "kontor-\(UUID())"
      let root = try await makeRoot("\(directory)/\(name)/rootfs")
      #expect(FileManager.default.createFile(atPath: root.path + "/result", contents: nil))
      #expect(chmod(root.path + "/result", 0o666) == 0)
      var image = image(user: user.0, lines: lines)
      image.config?.entrypoint?[2].insert(contentsOf: "exec > /result; ", at: "".startIndex)
      let container = try LXCContainer(image, name: name, root: root, rootPath: root.path)
      #expect(container.shortcomings == [])
      try ContainerProcess(image, in: root).makeWorkingDirectory(in: root)
      try fill(directory, ["/\(name)/config": container.text])
      try await Program.lxcStart.run("-F", "-P", directory, "-n", name)
      let output = try String(contentsOfFile: root.path + "/result", encoding: .utf8)
      #expect(output == expected(user: user.1, home: user.2, lines: lines))
    }
  }

  @Test func lxcExecuteRunsAContainerWithoutTheCommonConfig() async throws {
    try await withDirectory { directory in
      let name = "kontor-\(UUID())"
      let root = try await makeRoot("\(directory)/\(name)/rootfs")
      let image = config { $0.command = ["-c", "cat /proc/self/cmdline /proc/sys/kernel/hostname"] }
      var options = LXCContainer.Options()
      options.commonConfig = directory + "/none"
      let container = try LXCContainer(image, name: name, root: root, rootPath: root.path, options: options)
      try fill(directory, ["/\(name)/config": container.text])
      let output = try await Program.lxcExecute.run("-P", directory, "-n", name)
      #expect(output.hasSuffix("\(name)\n"))
    }
  }

  @Test(arguments: users.prefix(2), [true, false])
  func nspawnRunsAContainer(_ user: (String?, String, String), _ lines: Bool) async throws {
    try await withDirectory { directory in
      let name = "kontor-\(UUID())"
      let root = try await makeRoot("\(directory)/\(name)")
      if user.0 != nil { try await addGetent(to: root) }
      let image = image(user: user.0, lines: lines)
      let settings = try NspawnSettings(image, root: root)
      #expect(settings.shortcomings == [])
      try ContainerProcess(image, in: root).makeWorkingDirectory(in: root)
      try fill(directory, ["/\(name).nspawn": settings.text])
      let output = try await Program.nspawn.run(
        "-q", "-D", root.path, "--register=no", "--keep-unit", "--settings=yes")
      #expect(output.replacing("\r\n", with: "\n") == expected(user: user.1, home: user.2, lines: lines))
    }
  }
}
