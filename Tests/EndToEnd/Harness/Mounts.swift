import Foundation

/// Mounts that tests make, or that the daemons they start leave behind.
enum Mounts {
  /// Runs `body` with a tmpfs of `size` (as mount(8) writes it) at a new directory; it is unmounted afterwards.
  static func withTmpfs(size: String, _ body: (String) async throws -> Void) async throws {
    try Tool.require(.mount, .umount)
    try await Scratch.withDirectory("tmpfs") { directory in
      try await Tool.mount.run("-t", "tmpfs", "-o", "size=\(size)", "tmpfs", directory)
      try await running {
        try await body(directory)
      } finally: {
        await detachAll(below: directory)
      }
    }
  }

  /// Gives the tmpfs at `path` another size.
  static func resize(_ path: String, to size: String) async throws {
    try await Tool.mount.run("-o", "remount,size=\(size)", path)
  }

  /// Unmounts everything at or below `path`, the deepest first.
  static func detachAll(below path: String) async {
    let table = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    let points = table.split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: " ")
      return fields.count > 1 ? String(fields[1]) : nil
    }
    for point in points.reversed() where point == path || point.hasPrefix(path + "/") {
      _ = try? await Command(tool: .umount, arguments: ["-l", point]).attempt()
    }
  }
}
