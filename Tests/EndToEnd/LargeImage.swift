import Foundation
import Testing

/// An image whose layers take a while to come: each is a file of random bytes.
struct LargeImage: Sendable {
  static let layerSize = 4 << 20

  let digest: String
  let files: [Data]

  /// Puts a new image with so many layers into a registry.
  static func push(
    to endpoint: Endpoint, _ repository: String, layers: Int = 1, with client: KontorClient
  ) async throws -> LargeImage {
    try Tool.require(.umoci)
    var generator = SeededGenerator(seed: 7)
    let layout = "\(client.home)/large-layout"
    try await Tool.umoci.run("init", "--layout", layout)
    try await Tool.umoci.run("new", "--image", "\(layout):large")
    let files = (0..<layers).map { _ in generator.data(layerSize) }
    for (number, file) in files.enumerated() {
      let path = "\(client.home)/large-file"
      try file.write(to: URL(filePath: path))
      try await Tool.umoci.run("insert", "--image", "\(layout):large", path, "/file\(number)")
    }
    let digest = try await client.run("push", "oci:\(layout):large", endpoint.reference(repository))
    return LargeImage(digest: digest, files: files)
  }
}
