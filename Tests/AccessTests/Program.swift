import Foundation

/// Another program, which makes what the tests read, or reads what they made.
enum Program {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Runs it to its end.
  /// - Returns: what it writes to its standard output, and its status.
  static func run(_ path: String, _ arguments: [String], input: [UInt8] = []) throws -> (
    output: [UInt8], status: Int32
  ) {
    guard access(path, X_OK) == 0 else {
      throw Failure(description: "\(path) is missing: run Tests/run, or set KONTOR_TEST_PYTHON for Python")
    }
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "kontor-access-\(UInt32.random(in: .min ... .max))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    for file in ["in", "out", "err"] {
      try Data(file == "in" ? input : []).write(to: directory.appending(path: file))
    }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: directory.appending(path: "in"))
    process.standardOutput = try FileHandle(forWritingTo: directory.appending(path: "out"))
    process.standardError = try FileHandle(forWritingTo: directory.appending(path: "err"))
    try process.run()
    process.waitUntilExit()
    return ([UInt8](try Data(contentsOf: directory.appending(path: "out"))), process.terminationStatus)
  }

  /// Runs `Materials/tokens.py` by the interpreter of the virtual environment that `Tests/run` makes.
  static func tokens(_ arguments: String..., input: [UInt8] = []) throws -> Data {
    let here = URL(filePath: #filePath).deletingLastPathComponent()
    let python =
      ProcessInfo.processInfo.environment["KONTOR_TEST_PYTHON"]
      ?? here.appending(path: "../../.venv-tests/bin/python").standardized.path
    let script = here.appending(path: "Materials/tokens.py").path
    let (output, status) = try run(python, ["-B", script] + arguments, input: input)
    guard status == 0 else { throw Failure(description: "tokens.py \(arguments) fails") }
    return Data(output)
  }
}

/// What `tokens.py` makes.
struct TokenMaterial: Decodable {
  struct Case: Decodable {
    let name: String
    let token: String
    /// "good", or the name of the refusal; "a or b" if either may be.
    let expect: String
    /// Which of the `keys`.
    let verifier: String
  }

  struct API: Decodable {
    let text: String
    let hash: String
  }

  let now: Double
  let issuer: String
  let audience: String
  let cases: [Case]
  let workload: String
  let apiToken: API
  let keys: [String: String]
  let privateKeys: [String: String]

  static let made = Result { try JSONDecoder().decode(TokenMaterial.self, from: try Program.tokens()) }

  var time: Date { Date(timeIntervalSince1970: now) }
}

/// The same numbers each time (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
