import Foundation
import Testing

extension EndToEndTests {
  /// The server's sudden end in the middle of everything.
  @Suite("SIGKILL", .serialized)
  struct KillTests {
    private static let environment = ProcessInfo.processInfo.environment

    /// More rounds than the default find more: run some hundred by hand after a change in storage.
    private static let rounds = environment["KONTOR_CRASH_ROUNDS"].flatMap { Int($0) } ?? 5

    /// A failure names its seed; the same seed asks for the same things again, though not with the same
    /// timing.
    private static let seed =
      environment["KONTOR_CRASH_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1_000_000)

    @Test("what was acknowledged is there, whole, after SIGKILL amid pushes, deletions and collections")
    func killAndCheck() async throws {
      var generator = SeededGenerator(seed: Self.seed)
      let shared = [2, 3000, 200_000, 1_500_000].map { generator.data($0) }
      var models = (1...6).map { RepositoryModel(repository: "trade/client-\($0)") }
      try await Scratch.withDirectory("data") { data in
        for number in 1...Self.rounds {
          // In every other round what no manifest needs goes at once; in the others all that was
          // acknowledged stays.
          let name = "round \(number) of KONTOR_CRASH_SEED=\(Self.seed)"
          let round = KillRound(name, collectsAtOnce: number.isMultiple(of: 2))
          if number > 1, generator.oneIn(3) { try await killAtStart(data, &generator) }
          try await KontorProcess.with(settings(data)) { kontor in
            try await check(&models, kontor, "before \(name)")
            models = try await work(models, round, kontor, shared, &generator)
          }
          // Content is complete before it gets a name in blobs/, so no end can leave half of it there.
          try StoredFiles(data: data).expectWholeBlobs("\(name)")
        }
        try await KontorProcess.with(settings(data)) { kontor in
          try await check(&models, kontor, "after \(Self.rounds) rounds of KONTOR_CRASH_SEED=\(Self.seed)")
        }
      }
    }

    /// Collections as often as can be, with the default grace period.
    private func settings(_ data: String) -> KontorProcess.Settings {
      KontorProcess.Settings(data: data, environment: ["KONTOR_GC_INTERVAL": "1s"])
    }

    /// Kills a server that has just begun to put in order what the last one left.
    private func killAtStart(_ data: String, _ generator: inout SeededGenerator) async throws {
      let delay = Int.random(in: 0...20, using: &generator)
      try await KontorProcess.with(settings(data)) { kontor in
        try await Task.sleep(for: .milliseconds(delay))
        await kontor.kill()
      }
    }

    /// Lets clients and collections work side by side, and kills the server amid their requests.
    /// - Returns: what may be there afterwards.
    private func work(
      _ models: [RepositoryModel], _ round: KillRound, _ kontor: KontorProcess, _ shared: [Data],
      _ generator: inout SeededGenerator
    ) async throws -> [RepositoryModel] {
      let http = PlainHTTP(kontor.endpoint)
      let names = models.map(\.repository)
      let seeds = models.map { _ in generator.next() }
      // After so many answers rather than so much time: however slow the machine is, much was going on.
      let answers = Int.random(in: 20...200, using: &generator)
      let delay = Int.random(in: 0...30_000, using: &generator)
      let collection = Task { try await collect(round, kontor.data) }
      let clients = Task {
        try await withThrowingTaskGroup(of: (Int, RepositoryModel).self) { group in
          for (index, model) in models.enumerated() {
            group.addTask {
              var client = KillWorkload(
                model, seed: seeds[index], http: http, round: round,
                others: names.filter { $0 != model.repository }, shared: shared)
              try await client.run()
              return (index, client.model)
            }
          }
          var results = models
          for try await (index, model) in group { results[index] = model }
          return results
        }
      }
      for _ in 1...6000 where round.answers < answers { try await Task.sleep(for: .milliseconds(10)) }
      try await Task.sleep(for: .microseconds(delay))
      round.willKill()
      await kontor.kill()
      // A collection that finds no server does its work itself, and must be over before the next server
      // starts.
      let results = await clients.result
      try await collection.value
      return try results.get()
    }

    /// Runs `kontor gc` again and again until the server is gone.
    private func collect(_ round: KillRound, _ data: String) async throws {
      repeat {
        let grace = round.collectsAtOnce ? ["--grace", "0s"] : []
        let run = try await KontorCommand.run(["gc", "--data", data] + grace)
        #expect(run.exit == .code(0) || round.isKilled, "\(round.name): \(run.error)")
      } while !round.isKilled
    }

    /// Requires that the registry holds exactly what it acknowledged, and of the rest all or nothing.
    private func check(
      _ models: inout [RepositoryModel], _ kontor: KontorProcess, _ comment: Comment
    ) async throws {
      let http = PlainHTTP(kontor.endpoint)
      let files = StoredFiles(data: kontor.data)
      // The start removes every upload's file that no session has, before the server listens.
      for id in try files.uploads() {
        var owners = 0
        for model in models {
          let status = try await http.get("/v2/\(model.repository)/blobs/uploads/\(id)").status
          if status == 204 { owners += 1 }
        }
        #expect(owners == 1, "\(comment): uploads/\(id)")
      }
      for index in models.indices {
        try await models[index].check(http, comment)
        try await models[index].finishSessions(http, comment)
      }
      try await files.requireRowForEveryFile(of: kontor, comment)
      try files.expectWholeBlobs(comment)
    }
  }
}
