import Foundation
import Testing

@testable import Archive

/// Archives whose headers alone are read.
@Suite struct TarScanTests {
  @Test(
    "files are found where they are: after long names, links, and more bytes than a header's digits can say")
  func places() throws {
    let path = "/var/tmp/kontor-scan-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let large: Int64 = 9 << 30
    let entries = [
      TarEntry(path: "directory", kind: .directory, mode: 0o755),
      TarEntry(
        path: RawPath(String(repeating: "long/", count: 50) + "name"), kind: .file, mode: 0o644, size: 1),
      TarEntry(path: "link", kind: .symbolicLink(target: "directory"), mode: 0o777),
      TarEntry(path: "large", kind: .file, mode: 0o644, size: large),
      TarEntry(path: "empty", kind: .file, mode: 0o644),
      TarEntry(path: "last", kind: .file, mode: 0o644, size: 512),
    ]
    var position: Int64 = 0
    var expected: [String: Int64] = [:]
    for entry in entries {
      let header = try TarWriter.header(of: entry)
      #expect(header.count % 512 == 0)
      #expect(pwrite(descriptor, header, header.count, off_t(position)) == header.count)
      position += Int64(header.count)
      if entry.kind == .file { expected[entry.path.description] = position }
      position += (entry.size + 511) / 512 * 512
    }
    // All of the data is holes.
    #expect(ftruncate(descriptor, off_t(position + 1024)) == 0)
    var found: [String: Int64] = [:]
    try TarScan.forEachFile(in: descriptor, limits: UnpackLimits()) { entry, offset in
      found[entry.path.description] = offset
    }
    #expect(found == expected)

    var limits = UnpackLimits()
    limits.entries = 5
    #expect(throws: ArchiveError.overLimit(.entries(5))) {
      try TarScan.forEachFile(in: descriptor, limits: limits) { _, _ in }
    }

    #expect(ftruncate(descriptor, off_t(position - 513)) == 0)
    #expect(throws: ArchiveError.self) {
      try TarScan.forEachFile(in: descriptor, limits: UnpackLimits()) { _, _ in }
    }
  }
}
