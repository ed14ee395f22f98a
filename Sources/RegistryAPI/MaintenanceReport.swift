import ContainerImage
import Registry
import Storage

/// What a maintenance command reports, for a person or a program.
public enum MaintenanceReport: Sendable {
  case collection(CollectionReport)
  case collectable([CollectableBlob])
  case scrub(ScrubReport)

  /// Whether something is wrong that a person has to look at.
  public var isAlarming: Bool {
    if case .scrub(let report) = self { return !report.damaged.isEmpty }
    return false
  }

  public var json: String {
    var json = JSONText()
    json.object { json in
      switch self {
      case .collection(let report):
        json.member("links", Int64(report.links))
        json.member("blobs", Int64(report.blobs))
        json.member("bytes", report.bytes)
        json.member("uploads", Int64(report.uploads))
      case .collectable(let blobs):
        json.key("collectable")
        json.array(blobs) { json, blob in
          json.object { json in
            json.member("digest", blob.digest.description)
            json.member("size", blob.size)
            if let repository = blob.repository { json.member("repository", repository.description) }
          }
        }
      case .scrub(let report):
        json.member("blobs", Int64(report.blobs))
        json.member("bytes", report.bytes)
        json.key("damaged")
        json.array(report.damaged) { json, damage in
          json.object { json in
            json.member("digest", damage.digest.description)
            json.member("finding", damage.finding)
            json.key("repositories")
            json.array(damage.repositories) { $0.string($1.description) }
          }
        }
      }
    }
    return String(buffer: json.buffer)
  }

  /// For people: a line for everything found, and a summary.
  public var text: String {
    switch self {
    case .collection(let report):
      return "removed \(report.blobs) blobs (\(report.bytes) bytes), \(report.links) links and "
        + "\(report.uploads) expired uploads"
    case .collectable(let blobs):
      let lines = blobs.map { blob in
        "\(blob.digest) \(blob.size) bytes" + (blob.repository.map { " in \($0)" } ?? "")
      }
      return (lines + ["would remove \(blobs.count)"]).joined(separator: "\n")
    case .scrub(let report):
      let lines = report.damaged.map { damage in
        "\(damage.digest): \(damage.finding); in \(damage.repositories.map(\.description).joined(separator: ", "))"
      }
      return
        (lines + ["checked \(report.blobs) blobs (\(report.bytes) bytes): \(report.damaged.count) damaged"])
        .joined(separator: "\n")
    }
  }
}
