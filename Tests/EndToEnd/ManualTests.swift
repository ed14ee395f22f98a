import Foundation
import Testing

extension EndToEndTests {
  /// What `deploy/manual` makes of the commands' definitions.
  @Suite("manual") struct ManualTests {
    @Test("every command has a page that mandoc reads, with an example; bash reads the completions")
    func pages() async throws {
      try Tool.require(.bash, .mandoc, .python3)
      try await Scratch.withDirectory("manual") { directory in
        try await Tool.python3.run(DeployFile.path("manual"), KontorProcess.binary(), directory)
        let pages = "\(directory)/man/man1"
        let names = try FileManager.default.contentsOfDirectory(atPath: pages)
        let commands = try await KontorCommand.run(["--help"]).output
        for command in ["serve", "gc", "scrub", "pull", "push", "copy", "inspect", "tags", "login", "delete"]
        {
          #expect(names.contains("kontor-\(command).1"), "\(command)")
          #expect(commands.contains("\n  \(command) "), "\(command)")
        }
        for name in names {
          try await Tool.mandoc.run("-Tlint", "-W", "error", "\(pages)/\(name)")
          let text = try String(contentsOfFile: "\(pages)/\(name)", encoding: .utf8)
          let isGroup = text.contains(".SH COMMANDS\n")
          #expect(isGroup || text.contains(".SH EXAMPLES\n"), "\(name)")
        }
        let pull = try await Tool.mandoc.run("-Tascii", "\(pages)/kontor-pull.1").text
        #expect(pull.contains("Fetch an image from a registry"))
        try await Tool.bash.run("-n", "\(directory)/bash-completion/completions/kontor")
        let candidates = try await Tool.bash.run(
          "-c",
          "source \"$1\"; COMP_WORDS=(kontor pu); COMP_CWORD=1; COMP_LINE='kontor pu'; COMP_POINT=9; _kontor; "
            + "echo \"${COMPREPLY[@]}\"", "bash", "\(directory)/bash-completion/completions/kontor")
        #expect(candidates.text.contains("pull") && candidates.text.contains("push"))
      }
    }
  }
}
