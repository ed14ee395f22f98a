import Foundation

/// What independent programs in Python make for the tests: keys, certificates, signatures. The scripts are in `Materials`;
/// each prints one JSON document.
enum PythonMaterial {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// The interpreter of the virtual environment that `Tests/run` makes, or the one that `KONTOR_TEST_PYTHON` names.
  static func interpreter() throws -> String {
    if let named = ProcessInfo.processInfo.environment["KONTOR_TEST_PYTHON"] { return named }
    let path = URL(filePath: #filePath).appending(path: "../../../.venv-tests/bin/python").standardized.path
    guard access(path, X_OK) == 0 else {
      throw Failure(description: "\(path) is missing: run Tests/run, or set KONTOR_TEST_PYTHON")
    }
    return path
  }

  /// Runs a script of `Materials`.
  /// - Parameter name: without `.py`.
  /// - Returns: what it writes to its standard output.
  static func run(_ name: String, _ arguments: String..., input: [UInt8] = []) throws -> [UInt8] {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Materials/\(name).py")
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "kontor-python-\(UInt32.random(in: .min ... .max))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    for file in ["in", "out", "err"] {
      try Data(file == "in" ? input : []).write(to: directory.appending(path: file))
    }
    let process = Process()
    process.executableURL = URL(filePath: try interpreter())
    process.arguments = ["-B", script.path] + arguments
    process.standardInput = try FileHandle(forReadingFrom: directory.appending(path: "in"))
    process.standardOutput = try FileHandle(forWritingTo: directory.appending(path: "out"))
    process.standardError = try FileHandle(forWritingTo: directory.appending(path: "err"))
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let reason = String(decoding: try Data(contentsOf: directory.appending(path: "err")), as: UTF8.self)
      throw Failure(description: "\(name).py: \(reason)")
    }
    return [UInt8](try Data(contentsOf: directory.appending(path: "out")))
  }

  /// Runs a script, and reads the document that it prints, with bytes in base64.
  static func make<Value: Decodable>(_ type: Value.Type, by name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(try run(name)))
  }
}
