import FoundationEssentials
import HTTPServer
import Mirroring
import NIOCore
import NIOHTTP1
import Registry
import Replication
import Storage

/// Answers on the control socket in the data directory, which `kontor gc` and `kontor scrub` use while the
/// server runs. Who may open the socket may do everything: it belongs to the server's user alone.
public final class ControlHandler: HTTPHandler {
  private let registry: Registry
  private let collector: Collector
  private let administration: AccessAdministration
  private let mirror: UpstreamMirror?
  private let replicator: Replicator?
  private let auditLog: AuditLog?

  public init(
    registry: Registry, collector: Collector, access: AccessControl?, mirror: UpstreamMirror? = nil,
    replicator: Replicator? = nil, auditLog: AuditLog? = nil
  ) {
    self.auditLog = auditLog
    self.mirror = mirror
    self.replicator = replicator
    self.registry = registry
    self.collector = collector
    administration = AccessAdministration(store: registry.store, access: access)
  }

  public func answer(_ request: HTTPRequest) -> HTTPAnswer {
    .deferred { [registry, collector, administration, mirror, replicator, auditLog] in
      do {
        let query = try request.parameters()
        switch (request.method, request.path) {
        case (.POST, "/gc"):
          let grace = query["grace"].flatMap(Int64.init).map { Duration.seconds($0) }
          return .report(
            query["dry-run"] == "true"
              ? try await collector.dryRun(grace: grace)
              : .collection(try await collector.collect(grace: grace)),
            query)
        case (.POST, "/scrub"):
          return .report(
            .scrub(try await registry.store.scrub(rate: query["rate"].flatMap(Int64.init) ?? 0)), query)
        case (.POST, "/access"):
          let command = try JSONDecoder().decode(
            AccessAdministration.Command.self, from: Data((query["command"] ?? "").utf8))
          let report = try await administration.perform(command)
          if let (name, subject) = command.change { auditLog?.record(command: name, of: subject) }
          return .report(.access(report), query)
        case (.POST, "/mirror"):
          guard mirror != nil || replicator != nil else {
            return .text(.notFound, "the server mirrors nothing\n")
          }
          let report = try await MirrorReport(
            of: mirror, in: registry.store, withTags: query["tags"] == "true")
          return .report(.mirror(report, try await replicator?.states() ?? []), query)
        case (.POST, "/sync"):
          guard let replicator else { return .text(.notFound, "the server has no rules of replication\n") }
          let report = try await replicator.run(
            query["rule"] ?? "", isDryRun: query["dry-run"] == "true")
          return .report(.replication(report), query)
        default:
          return .text(.notFound, "unknown command\n")
        }
      } catch let failure as AccessAdministration.Failure {
        let status: HTTPResponseStatus =
          switch failure {
          case .unknown: .notFound
          case .exists: .conflict
          }
        return .text(status, "\(failure)")
      } catch let failure as Replicator.Failure {
        let status: HTTPResponseStatus =
          switch failure {
          case .unknownRule: .notFound
          case .isRunning: .conflict
          }
        return .text(status, "\(failure)\n")
      } catch {
        return .text(.internalServerError, "\(error)\n")
      }
    }
  }

  public func answer(malformed: MalformedRequest) -> HTTPResponse {
    .text(malformed.status, malformed.reason)
  }

  public func finished(_ request: HTTPRequest, outcome: ResponseOutcome) {}
}

extension Collector {
  /// What a collection would drop now.
  public func dryRun(grace: Duration?) async throws -> MaintenanceReport {
    .collectable(try await collectable(grace: grace))
  }
}

extension HTTPResponse {
  fileprivate static func report(_ report: MaintenanceReport, _ query: QueryItems) -> HTTPResponse {
    HTTPResponse(
      status: .ok, headers: ["X-Kontor-Alarming": report.isAlarming ? "true" : "false"],
      body: .bytes(ByteBuffer(string: query["format"] == "json" ? report.json : report.text)))
  }
}
