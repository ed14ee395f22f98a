import ContainerImage
import Replication
import Storage

extension ReplicationReport {
  /// For people: a line for everything that is not as it was, and a summary.
  var text: String {
    let lines = entries.map { entry in
      let size = entry.blobs > 0 ? ", \(entry.blobs) blobs, \(ByteSize(entry.bytes))" : ""
      let digest = entry.digest.map { " \($0)" } ?? ""
      return switch entry.action {
      case .failed: "failed\t\(entry.source): \(entry.failure ?? "")"
      case .delete: "delete\t\(entry.target)\(digest)"
      case .copy, .update, .refresh: "\(entry.action)\t\(entry.source) to \(entry.target)\(digest)\(size)"
      }
    }
    let (copies, deletes) = isDryRun ? ("would copy", "would delete") : ("copied", "deleted")
    var summary =
      "\(run.rule): looked at \(run.checked) tags, \(copies) \(run.copied), \(deletes) \(run.deleted), "
      + "\(run.failed) failed"
    if !isDryRun { summary += "; \(run.blobs) blobs, \(ByteSize(run.bytes))" }
    // What failed has its own line, unless the run as such did.
    if run.failed == 0, let failure = run.failure { summary += "\n\(run.rule): \(failure)" }
    return (lines + notes.map { "note\t\($0)" } + [summary]).joined(separator: "\n")
  }
}

extension Replicator.RuleState {
  var text: String {
    var parts = ["rule \(name)", summary, schedule ?? "when asked"]
    if let running {
      parts.append(
        "running since \(running.startedAt.timeText): looked at \(running.checked) tags, copied \(running.copied), "
          + "\(ByteSize(running.bytes))")
    }
    if let last {
      parts.append(
        "last run \(last.startedAt.timeText): looked at \(last.checked) tags, copied \(last.copied), deleted "
          + "\(last.deleted), \(last.failed) failed, \(ByteSize(last.bytes))")
      parts.append(last.failure ?? "fine")
      if last.failure != nil, let time = last.succeededAt { parts.append("fine at \(time.timeText)") }
    } else if running == nil {
      parts.append("has not run")
    }
    if let nextAt { parts.append("next run \(nextAt.timeText)") }
    return parts.joined(separator: "\t")
  }
}

extension JSONText {
  mutating func members(_ report: ReplicationReport) {
    member("rule", report.run.rule)
    members(report.run)
    key("entries")
    array(report.entries) { json, entry in
      json.object { json in
        json.member("action", entry.action.rawValue)
        json.member("source", entry.source)
        json.member("target", entry.target)
        if let digest = entry.digest { json.member("digest", digest.description) }
        json.member("blobs", entry.blobs)
        json.member("bytes", entry.bytes)
        if let failure = entry.failure { json.member("failure", failure) }
      }
    }
    key("notes")
    array(report.notes) { $0.string($1) }
  }

  mutating func members(_ rules: [Replicator.RuleState]) {
    key("rules")
    array(rules) { json, rule in
      json.object { json in
        json.member("name", rule.name)
        json.member("summary", rule.summary)
        if let schedule = rule.schedule { json.member("schedule", schedule) }
        if let next = rule.nextAt { json.member("nextAt", next.timeText) }
        for (name, run) in [("running", rule.running), ("last", rule.last)] {
          guard let run else { continue }
          json.key(name)
          json.object { $0.members(run) }
        }
      }
    }
  }

  private mutating func members(_ run: ReplicationRun) {
    member("startedAt", run.startedAt.timeText)
    member("endedAt", run.endedAt.timeText)
    member("checked", run.checked)
    member("copied", run.copied)
    member("deleted", run.deleted)
    member("failed", run.failed)
    member("blobs", run.blobs)
    member("bytes", run.bytes)
    if let failure = run.failure { member("failure", failure) }
    if let time = run.succeededAt { member("succeededAt", time.timeText) }
  }
}
