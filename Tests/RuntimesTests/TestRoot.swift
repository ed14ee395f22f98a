import ContainerImage
import Foundation
import ImageTransfer

@testable import Runtimes

/// Runs `body` with the path of an empty directory below /var/tmp that is removed afterwards, also when
/// `body` throws.
func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  let path = "/var/tmp/kontor-runtimes-\(UUID())"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

/// Runs `body` with a root directory that has `files`, by their paths.
func withRoot<Result>(
  _ files: [String: String] = [:], _ body: (RootDirectory) throws -> Result
) async throws -> Result {
  try await withDirectory { directory in
    try fill(directory + "/rootfs", files)
    return try body(RootDirectory(directory + "/rootfs"))
  }
}

/// Makes the directory with `files`.
func fill(_ root: String, _ files: [String: String]) throws {
  try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  for (path, text) in files {
    let place = URL(filePath: root + path)
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: place)
  }
}

/// An image's config for this machine.
func config(_ change: (inout ImageConfig.Execution) -> Void = { _ in }) -> ImageConfig {
  var execution = ImageConfig.Execution()
  execution.entrypoint = ["/bin/sh"]
  change(&execution)
  return ImageConfig(platform: .current, config: execution, diffIDs: [])
}

let accounts = [
  "/etc/passwd": """
  root:x:0:0:root:/root:/bin/sh
  # a comment, and lines that are none
  broken:x:one:1::/broken:/bin/sh

  short:x:5
  app:x:1000:1001:The app:/home/app:/bin/sh
  second:x:1000:1002::/home/second:/bin/sh
  homeless:x:1003:1003:::
  12:x:1012:1012::/home/twelve:/bin/sh
  large:x:4294967294:4294967294::/:/bin/sh
  """,
  "/etc/group": """
  root:x:0:
  broken:x:two:app
  app:x:1001:
  wheel:x:10:root,app
  audio:x:29:app,second
  again:x:29:app
  apps:x:30:applause,xapp
  """,
]

/// The words of the error that `body` throws.
func refusal<Result>(_ body: () throws -> Result) -> String {
  do {
    return "no error, but \(try body())"
  } catch {
    return "\(error)"
  }
}
