import ContainerImage
import Testing

@testable import Runtimes

@Suite struct NspawnSettingsTests {
  private let system = ["/usr/bin/getent": "", "/etc/os-release": "", "/bin/sh": ""].merging(accounts) { $1 }

  @Test func theImageIsWhatTheContainerRuns() async throws {
    try await withRoot(system) { root in
      let settings = try NspawnSettings(
        config {
          $0.command = ["it's", "", "a\\", "%h $A"]
          $0.user = "app"
          $0.workingDirectory = "/a b"
          $0.environment = ["PATH=/bin", "A=b 'c' \"d\" \\"]
        }, root: root)
      #expect(
        settings.text == #"""
          [Exec]
          Boot=no
          Parameters='/bin/sh' 'it'"'"'s' '' 'a\' '%h $A'
          Environment='PATH=/bin'
          Environment='A=b '"'"'c'"'"' "d" \'
          Environment='HOME=/home/app'
          User=app
          WorkingDirectory=/a b

          """#)
      #expect(settings.shortcomings == [])
    }
  }

  @Test func rootIsNotLookedUp() async throws {
    try await withRoot(["/usr/lib/os-release": ""]) { root in
      let settings = try NspawnSettings(config(), root: root)
      #expect(!settings.text.contains("User="))
      #expect(settings.shortcomings == [])
    }
  }

  @Test(
    arguments: [
      ([:], "app", ["has no /usr", "no os-release", "no getent"]),
      (["/usr/bin/getent": "", "/etc/os-release": ""], "1234", ["runs as 1234"]),
      (["/usr/bin/getent": "", "/etc/os-release": ""], "app:audio", ["names the group 29"]),
      (["/usr/x": ""], nil, ["no os-release"]),
    ] as [([String: String], String?, [String])])
  func whatIsMissingIsSaid(_ files: [String: String], _ user: String?, _ expected: [String]) async throws {
    try await withRoot(files.merging(accounts) { $1 }) { root in
      let settings = try NspawnSettings(config { $0.user = user }, root: root)
      #expect(settings.shortcomings.count == expected.count)
      for (actual, part) in zip(settings.shortcomings, expected) {
        #expect(actual.contains(part), "\(actual)")
      }
      // It does not become root for want of a name.
      if user == "1234" { #expect(settings.text.contains("\nUser=1234\n")) }
      #expect(!(try root.contains("/etc/os-release")) || files["/etc/os-release"] != nil)
    }
  }

  @Test func severalLinesAreLeftToTheImagesShell() async throws {
    try await withRoot(system) { root in
      let settings = try NspawnSettings(
        config {
          $0.command = ["a\n[Files]\nBind=/"]
          $0.environment = ["N=1\n2"]
        }, root: root)
      #expect(!settings.text.contains("[Files]") && !settings.text.contains("N=1"))
      #expect(settings.text.contains("\nParameters='/bin/sh' '-c' 'eval${IFS}\"$(printf${IFS}\""))
    }
  }

  @Test(arguments: ["a.b=1", "1a=1", "A=\u{1}", "A=\u{7f}"])
  func variablesThatSystemdDoesNotSetAreRefused(_ entry: String) async throws {
    try await withRoot(system) { root in
      let words = refusal { try NspawnSettings(config { $0.environment = [entry] }, root: root) }
      #expect(words.contains("variable"), "\(words)")
    }
  }

  @Test(arguments: ["/a\nUser=root", "/a\\", "/a "])
  func aWorkingDirectoryThatEndsOrJoinsLinesIsRefused(_ directory: String) async throws {
    try await withRoot(system) { root in
      let words = refusal { try NspawnSettings(config { $0.workingDirectory = directory }, root: root) }
      #expect(words.contains("working directory"), "\(words)")
    }
  }
}
