import ContainerImage
import FoundationEssentials
import Mirroring
import Registry
import RegistryClient
import Replication
import Storage

/// What a maintenance command reports, for a person or a program.
public enum MaintenanceReport: Sendable {
  case collection(CollectionReport)
  case collectable([CollectableBlob])
  case scrub(ScrubReport)
  case access(AccessAdministration.Report)
  case mirror(MirrorReport, [Replicator.RuleState])
  case replication(ReplicationReport)

  /// Whether something is wrong that a person has to look at.
  public var isAlarming: Bool {
    switch self {
    case .scrub(let report): !report.damaged.isEmpty
    case .replication(let report): report.run.failure != nil
    case .collection, .collectable, .access, .mirror: false
    }
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
      case .access(let report): json.members(report)
      case .mirror(let report, let rules):
        json.members(report)
        json.members(rules)
      case .replication(let report): json.members(report)
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
    case .mirror(let report, let rules):
      return (report.upstreamLines + rules.map(\.text) + report.tagLines).joined(separator: "\n")
    case .replication(let report): return report.text
    case .access(.done(let sentence)): return sentence
    case .access(.users(let users)):
      return users.map { "\($0.name)\t\($0.groups.joined(separator: ","))" }.joined(separator: "\n")
    case .access(.tokens(let tokens)):
      return tokens.map { token in
        let end = token.expiresAt.map { "until \($0.timeText)" } ?? "for ever"
        return "\(token.name)\t\(token.id)\t\(token.repositories.joined(separator: ","))\t"
          + "\(token.actions.joined(separator: ","))\t\(end)"
      }.joined(separator: "\n")
    }
  }
}

extension MirrorReport {
  fileprivate var upstreamLines: [String] {
    upstreams.map { upstream in
      let state =
        upstream.failure.map { failure in
          upstream.pausedFor.map { "not asked for \(max($0.components.seconds, 1)) s: \(failure)" }
            ?? "to be asked again: \(failure)"
        } ?? "fine"
      let remaining = upstream.limits?.remaining.map { ", \($0) pulls remain" } ?? ""
      return "\(upstream.namespace)\t\(upstream.address)\t\(upstream.prefix)/\tholds \(upstream.held) bytes, "
        + "\(upstream.requests) requests (\(upstream.failures) failed), \(upstream.transfers) transfers, "
        + "\(upstream.hits) answers without a request\(remaining)\t\(state)"
    }
  }

  fileprivate var tagLines: [String] {
    (tags ?? []).map { tag in
      "\(tag.repository):\(tag.tag)\t\(tag.upstream)\t\(tag.checkedAt.timeText)\t\(tag.digest)"
    }
  }
}

extension JSONText {
  fileprivate mutating func members(_ report: MirrorReport) {
    key("upstreams")
    array(report.upstreams) { json, upstream in
      json.object { json in
        json.member("namespace", upstream.namespace)
        json.member("url", upstream.address)
        json.member("prefix", upstream.prefix)
        json.member("held", upstream.held)
        json.member("requests", upstream.requests)
        json.member("failures", upstream.failures)
        json.member("transfers", upstream.transfers)
        json.member("received", upstream.received)
        json.member("hits", upstream.hits)
        json.member("stale", upstream.stale)
        if let failure = upstream.failure { json.member("failure", failure) }
        if let paused = upstream.pausedFor { json.member("pausedFor", paused.components.seconds) }
        if let limit = upstream.limits?.limit { json.member("limit", Int64(limit)) }
        if let remaining = upstream.limits?.remaining { json.member("remaining", Int64(remaining)) }
      }
    }
    guard let tags = report.tags else { return }
    key("tags")
    array(tags) { json, tag in
      json.object { json in
        json.member("repository", tag.repository.description)
        json.member("tag", tag.tag.description)
        json.member("upstream", tag.upstream)
        json.member("checkedAt", tag.checkedAt.timeText)
        json.member("digest", tag.digest.description)
      }
    }
  }

  /// Secrets' hashes are no answer to any question.
  fileprivate mutating func members(_ report: AccessAdministration.Report) {
    switch report {
    case .done(let sentence): member("done", sentence)
    case .users(let users):
      key("users")
      array(users) { json, user in
        json.object { json in
          json.member("name", user.name)
          json.key("groups")
          json.array(user.groups) { $0.string($1) }
          json.member("createdAt", user.createdAt.timeText)
        }
      }
    case .tokens(let tokens):
      key("tokens")
      array(tokens) { json, token in
        json.object { json in
          json.member("name", token.name)
          json.member("id", token.id)
          json.key("repositories")
          json.array(token.repositories) { $0.string($1) }
          json.key("actions")
          json.array(token.actions) { $0.string($1) }
          json.member("createdAt", token.createdAt.timeText)
          if let end = token.expiresAt { json.member("expiresAt", end.timeText) }
        }
      }
    }
  }
}

extension Int64 {
  /// Of seconds since 1970.
  var timeText: String { Date(timeIntervalSince1970: Double(self)).formatted(.iso8601) }
}
