import Foundation
import Testing

extension EndToEndTests {
  /// What a user sees while an image comes.
  @Suite("progress", .serialized)
  struct ProgressTests {
    private static let layers = 4

    /// Runs `body` with a pull that has stopped in the middle of four layers, whose standard error is a terminal.
    private func withPausedPull(
      columns: Int, rows: Int, terminal: String = "xterm",
      _ body: (PseudoTerminal, PausingProxy, Daemon) async throws -> Void
    ) async throws {
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          _ = try await LargeImage.push(
            to: kontor.endpoint, "trade/large:v1", layers: Self.layers, with: client)
          try await PausingProxy.with(to: kontor.endpoint, passing: LargeImage.layerSize / 2) { proxy in
            let screen = try PseudoTerminal(columns: columns, rows: rows)
            let pull = try await client.start(
              ["pull", "\(proxy.hostAndPort)/trade/large:v1", "--to", "oci:\(client.home)/copy:v1"],
              environment: ["TERM": terminal], error: screen.descriptor)
            screen.release()
            try await pull.waitFor("the middle of all layers") { _ in
              proxy.paused == Self.layers ? true : nil
            }
            try await body(screen, proxy, pull)
            proxy.resume()
            #expect(await pull.process.wait() == .code(0))
            try await screen.waitForEnd()
          }
        }
      }
    }

    /// Waits until the bars have been drawn often.
    private func waitForBars(_ screen: PseudoTerminal, _ pull: Daemon, rate: Bool) async throws -> [String] {
      try await pull.waitFor("bars") { _ in
        let lines = screen.lines
        let drawn = screen.text.components(separatedBy: "\u{1b}[J").count
        let isComplete = !rate || lines.filter { $0.hasSuffix(" left") }.count == Self.layers
        return drawn > 10 && isComplete ? lines : nil
      }
    }

    @Test("each layer under way has a bar with its rate and the time left, and a line of its own in the end")
    func bars() async throws {
      var screen: PseudoTerminal?
      try await withPausedPull(columns: 100, rows: 24) { terminal, _, pull in
        screen = terminal
        let lines = try await waitForBars(terminal, pull, rate: true)
        let bars = lines.filter { $0.contains("[") }
        #expect(bars.count == Self.layers && lines.count == Self.layers + 1, "\(lines)")
        for bar in bars {
          let isWhole = bar.wholeMatch(
            of: /sha256:[0-9a-f]{12} \[=+ +\] [0-9.]+ .?i?B of 4\.0 MiB, [0-9.]+ .*B\/s, .+ left/)
          #expect(isWhole != nil, "\(bar)")
        }
      }
      let lines = try #require(screen).lines
      #expect(lines.count == Self.layers + 1, "\(lines)")
      #expect(lines.allSatisfy { $0.hasPrefix("copied sha256:") && !$0.contains("[") }, "\(lines)")
      #expect(lines.last?.hasSuffix("(5 of 5)") == true, "\(lines)")
    }

    @Test(
      "bars fit into a narrow and into a low terminal: none is drawn twice",
      arguments: [(40, 24, 4), (100, 4, 2), (12, 24, 4)])
    func small(columns: Int, rows: Int, bars: Int) async throws {
      var screen: PseudoTerminal?
      try await withPausedPull(columns: columns, rows: rows) { terminal, _, pull in
        screen = terminal
        let lines = try await waitForBars(terminal, pull, rate: false)
        #expect(lines.filter { $0.hasPrefix("sha256:") }.count == bars, "\(lines)")
        if bars < Self.layers { #expect(lines.last == "and \(Self.layers - bars) more", "\(lines)") }
      }
      let text = try #require(screen).lines.joined()
      #expect(text.components(separatedBy: "copied ").count == Self.layers + 2, "\(text)")
      #expect(!text.contains("] ") && text.hasSuffix("(5 of 5)"), "\(text)")
    }

    @Test("a terminal that can do nothing gets lines alone")
    func dumb() async throws {
      var screen: PseudoTerminal?
      try await withPausedPull(columns: 100, rows: 24, terminal: "dumb") { terminal, _, _ in
        screen = terminal
      }
      let text = try #require(screen).text
      #expect(!text.contains("\u{1b}"))
      #expect(text.components(separatedBy: "copied sha256:").count == Self.layers + 2, "\(text)")
    }

    @Test("what is no terminal gets lines alone, and --quiet nothing")
    func plain() async throws {
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        let copy = ["copy", images.source("hello"), "oci:\(client.home)/copy:v1"]
        let result = try await client.attempt(copy)
        let lines = result.error.split(separator: "\n")
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("copied sha256:") }, "\(result.error)")
        let again = try await client.attempt(copy)
        #expect(again.error.split(separator: "\n").allSatisfy { $0.hasPrefix("present sha256:") })
        #expect(try await client.attempt(copy + ["--quiet"]).error == "")
      }
    }
  }
}
