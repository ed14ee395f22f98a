import Foundation

/// Makes App Container Images as their authors do, with tar: small ones with busybox, uncompressed.
struct ACIMaker {
  /// An image that another one needs.
  struct Need {
    var name: String
    var imageID: String?
    var size: Int?
  }

  /// Is made; each image has a directory of its own in it.
  let directory: String

  /// - Parameters:
  ///   - files: of the root file system, by their names.
  ///   - zeros: MiB of zeros in one more file.
  /// - Returns: the image's path.
  func make(
    _ name: String, version: String = "1", files: [String: String] = [:], needs: [Need] = [],
    whitelist: [String] = [], zeros: Int = 0
  ) async throws -> String {
    let root = "\(directory)/\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: "\(root)/rootfs/bin", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: try Tool.busybox.path(), toPath: "\(root)/rootfs/bin/busybox")
    for (name, content) in files { try Data(content.utf8).write(to: URL(filePath: "\(root)/rootfs/\(name)")) }
    if zeros > 0 { try Data(count: zeros << 20).write(to: URL(filePath: "\(root)/rootfs/zeros")) }
    let labels = [("version", version), ("os", "linux"), ("arch", "amd64")].map {
      ["name": $0.0, "value": $0.1]
    }
    var manifest: [String: Any] = [
      "acKind": "ImageManifest", "acVersion": "0.8.11", "name": name, "labels": labels,
      "app": ["exec": ["/bin/busybox", "echo", "hello from \(name)"], "user": "0", "group": "0"],
    ]
    if !whitelist.isEmpty { manifest["pathWhitelist"] = whitelist }
    manifest["dependencies"] = needs.map { need in
      var dependency: [String: Any] = [
        "imageName": need.name, "labels": [["name": "version", "value": "1"]],
      ]
      dependency["imageID"] = need.imageID
      dependency["size"] = need.size
      return dependency
    }
    try JSONSerialization.data(withJSONObject: manifest).write(to: URL(filePath: "\(root)/manifest"))
    let form = zeros > 0 ? "-czf" : "-cf"
    try await Tool.tar.run("-C", root, form, "\(root)/image.aci", "manifest", "rootfs")
    return "\(root)/image.aci"
  }

  /// Of an uncompressed image.
  func imageID(_ file: String) async throws -> String {
    let output = try await Tool.openssl.run("dgst", "-sha512", "-r", file).text
    return "sha512-\(output.prefix { $0 != " " })"
  }

  func size(_ file: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
  }
}
