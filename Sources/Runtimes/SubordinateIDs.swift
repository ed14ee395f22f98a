#if canImport(Glibc)
  import Glibc
#endif

/// The users, or groups, of the host that a user may give to the users of containers (subuid(5), subgid(5)).
struct SubordinateIDs: Equatable {
  struct Range: Equatable {
    var first: UInt32
    var count: UInt32
  }

  var ranges: [Range] = []

  /// - Parameters:
  ///   - text: of `/etc/subuid` or `/etc/subgid`. What newuidmap and newgidmap would not take there is passed over.
  ///   - user: by number.
  ///   - name: nil for a user whom `/etc/passwd` does not have.
  init(parsing text: String, user: UInt32, name: String?) {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, fields[0] == "\(user)" || (name != nil && fields[0] == name ?? ""),
        let first = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0,
        !first.addingReportingOverflow(count).overflow
      else { continue }
      ranges.append(Range(first: first, count: count))
    }
  }

  /// - Returns: no ranges if the file is not there, or this user may not read it.
  init(file: String, user: UInt32, name: String?) {
    let bytes = (try? LocalFile.contents(file, atMost: 16 << 20)) ?? nil
    self.init(parsing: String(decoding: bytes ?? [], as: UTF8.self), user: user, name: name)
  }

  /// `own` is the container's 0, and these come after it.
  func mappings(after own: UInt32) -> [RuntimeSpecification.IDMapping] {
    var mappings = [RuntimeSpecification.IDMapping(containerID: 0, hostID: own, size: 1)]
    var next: UInt32 = 1
    for range in ranges {
      let (end, overflow) = next.addingReportingOverflow(range.count)
      if overflow { break }
      mappings.append(.init(containerID: next, hostID: range.first, size: range.count))
      next = end
    }
    return mappings
  }
}
