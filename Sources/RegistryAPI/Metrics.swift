import Atomics
import HTTPServer
import Mirroring
import NIOCore
import NIOHTTP1
import Registry
import RegistryClient
import Replication
import Storage
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Counts requests, and writes what is known of the server in Prometheus' text format.
public final class Metrics: Sendable {
  /// What a request was for, so that latencies of different work are not mixed.
  private enum Kind: Int, CaseIterable {
    case blob, manifest, upload, tags, referrers, catalog, base, other

    /// By the path's last words: those before them are a repository's name. Compared as bytes, for this is done
    /// for every request.
    init(_ path: String) {
      var path = path
      self = path.withUTF8 { bytes in
        guard bytes.starts(with: "/v2/".utf8), let end = bytes.lastIndex(of: UInt8(ascii: "/")) else {
          return .other
        }
        let last = bytes[(end + 1)...]
        guard let start = bytes[..<end].lastIndex(of: UInt8(ascii: "/")) else {
          return .other
        }
        guard start > 0 else {
          return last.isEmpty ? .base : last.elementsEqual("_catalog".utf8) ? .catalog : .other
        }
        let word = bytes[(start + 1)..<end]
        if word.elementsEqual("manifests".utf8) { return .manifest }
        if word.elementsEqual("uploads".utf8) || last.elementsEqual("uploads".utf8) { return .upload }
        if word.elementsEqual("blobs".utf8) { return .blob }
        if word.elementsEqual("tags".utf8) { return .tags }
        return word.elementsEqual("referrers".utf8) ? .referrers : .other
      }
    }
  }

  private static let methods: [HTTPMethod] = [.GET, .HEAD, .PUT, .POST, .PATCH, .DELETE]
  /// Upper bounds of the latency histogram, in seconds.
  private static let bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

  /// Counters in one array: for each kind and method one for every status class, then the histogram.
  private let requests: [ManagedAtomic<UInt64>]
  private let buckets: [ManagedAtomic<UInt64>]
  private let nanoseconds: [ManagedAtomic<UInt64>]
  private let sent = ManagedAtomic<UInt64>(0)
  private let received = ManagedAtomic<UInt64>(0)
  private let registry: Registry
  private let collector: Collector
  private let mirror: UpstreamMirror?
  private let replicator: Replicator?
  private let connections: @Sendable () -> Int
  /// Counting all rows takes a while: once a minute is often enough.
  private let cachedTotals = Mutex<(StorageTotals, NIODeadline)?>(nil)

  /// - Parameter connections: how many are open now.
  public init(
    registry: Registry, collector: Collector, mirror: UpstreamMirror? = nil, replicator: Replicator? = nil,
    connections: @escaping @Sendable () -> Int
  ) {
    self.mirror = mirror
    self.replicator = replicator
    self.registry = registry
    self.collector = collector
    self.connections = connections
    func counters(_ count: Int) -> [ManagedAtomic<UInt64>] { (0..<count).map { _ in ManagedAtomic(0) } }
    requests = counters(Kind.allCases.count * (Self.methods.count + 1) * 5)
    buckets = counters(Kind.allCases.count * (Self.bounds.count + 1))
    nanoseconds = counters(Kind.allCases.count)
  }

  func record(_ request: HTTPRequest, _ outcome: ResponseOutcome) {
    let kind = Kind(request.path).rawValue
    let method = Self.methods.firstIndex(of: request.method) ?? Self.methods.count
    let statusClass = min(max(Int(outcome.status.code) / 100 - 1, 0), 4)
    requests[(kind * (Self.methods.count + 1) + method) * 5 + statusClass]
      .wrappingIncrement(ordering: .relaxed)
    let seconds = Double(outcome.duration) / 1e9
    let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
    buckets[kind * (Self.bounds.count + 1) + bucket].wrappingIncrement(ordering: .relaxed)
    nanoseconds[kind].wrappingIncrement(by: UInt64(max(0, outcome.duration)), ordering: .relaxed)
    sent.wrappingIncrement(by: UInt64(max(0, outcome.bodyBytesSent)), ordering: .relaxed)
    received.wrappingIncrement(by: UInt64(max(0, outcome.bodyBytesReceived)), ordering: .relaxed)
  }

  func exposition() async throws -> String {
    let totals = try await storageTotals()
    let collected = collector.totals
    var text = ""
    func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)])
    {
      text += "# HELP kontor_\(name) \(help)\n# TYPE kontor_\(name) \(type)\n"
      for sample in samples { text += "kontor_\(name)\(sample.labels) \(sample.value)\n" }
    }
    func single(_ name: String, _ type: String, _ help: String, _ value: some CustomStringConvertible) {
      family(name, type, help, [("", "\(value)")])
    }
    family(
      "http_requests_total", "counter", "Requests answered, by kind, method and status class.",
      requestSamples())
    text +=
      "# HELP kontor_http_request_duration_seconds Time from a request's head to its response's last byte.\n"
    text += "# TYPE kontor_http_request_duration_seconds histogram\n" + histogram()
    single(
      "http_response_body_bytes_total", "counter", "Bytes of response bodies sent.",
      sent.load(ordering: .relaxed))
    single(
      "http_request_body_bytes_total", "counter", "Bytes of request bodies received.",
      received.load(ordering: .relaxed))
    single("http_connections", "gauge", "Open connections.", connections())
    single(
      "upload_sessions", "gauge", "Upload sessions that are neither finished nor expired.", totals.uploads)
    single("storage_repositories", "gauge", "Repositories.", totals.repositories)
    single("storage_manifests", "gauge", "Manifests.", totals.manifests)
    single("storage_tags", "gauge", "Tags.", totals.tags)
    single("storage_blobs", "gauge", "Blobs on disk.", totals.blobs)
    single("storage_blob_bytes", "gauge", "Bytes of all blobs on disk.", totals.blobBytes)
    single("collection_runs_total", "counter", "Collections that ran to their end.", collected.runs)
    single("collection_failures_total", "counter", "Collections that failed.", collected.failures)
    single("collection_blobs_total", "counter", "Blobs that collections removed.", collected.blobs)
    single("collection_bytes_total", "counter", "Bytes that collections freed.", collected.bytes)
    single("collection_uploads_total", "counter", "Upload sessions that expired.", collected.uploads)
    if let states = mirror?.states {
      func upstreams(
        _ name: String, _ type: String, _ help: String, _ value: (MirrorReport.UpstreamState) -> Int64?
      ) {
        family(
          "mirror_\(name)", type, help,
          states.compactMap { state in
            value(state).map { ("{upstream=\"\(state.namespace)\"}", "\($0)") }
          })
      }
      upstreams("requests_total", "counter", "Requests to upstreams.") { $0.requests }
      upstreams("failures_total", "counter", "Requests to upstreams that failed, or were refused.") {
        $0.failures
      }
      upstreams("transfers_total", "counter", "Blobs that were asked for.") { $0.transfers }
      upstreams("received_bytes_total", "counter", "Bytes of blobs that came.") { $0.received }
      upstreams("hits_total", "counter", "Manifests that were given out without a request.") { $0.hits }
      upstreams("stale_total", "counter", "Tags that were given out although they could not be checked.") {
        $0.stale
      }
      upstreams("paused", "gauge", "Whether the upstream is not asked for now.") {
        $0.pausedFor == nil ? 0 : 1
      }
      upstreams("remaining_pulls", "gauge", "Pulls that the upstream allows, as it says.") {
        $0.limits?.remaining.map(Int64.init)
      }
    }
    if let rules = try await replicator?.states() {
      func samples(
        _ name: String, _ help: String, _ value: (Replicator.RuleState) -> Int64?
      ) {
        family(
          "sync_\(name)", "gauge", help,
          rules.compactMap { rule in value(rule).map { ("{rule=\"\(rule.name)\"}", "\($0)") } })
      }
      samples("running", "Whether a rule of replication runs now.") { $0.running == nil ? 0 : 1 }
      samples("last_run_timestamp_seconds", "When the last run of a rule began.") { $0.last?.startedAt }
      samples("last_success_timestamp_seconds", "When the last run of a rule ended with which all was well.")
      {
        $0.last?.succeededAt
      }
      samples("last_run_tags", "Tags that the last run of a rule looked at.") { $0.last?.checked }
      samples("last_run_copied_tags", "Tags that the last run of a rule copied.") { $0.last?.copied }
      samples("last_run_deleted_tags", "Tags that the last run of a rule deleted.") { $0.last?.deleted }
      samples("last_run_failed_tags", "Tags that the last run of a rule could not bring.") { $0.last?.failed }
      samples("last_run_blobs", "Blobs that the last run of a rule sent.") { $0.last?.blobs }
      samples("last_run_bytes", "Bytes of blobs that the last run of a rule sent.") { $0.last?.bytes }
    }
    single("process_resident_memory_bytes", "gauge", "Resident memory.", Self.residentMemory())
    return text
  }

  private func requestSamples() -> [(labels: String, value: String)] {
    var samples: [(String, String)] = []
    for kind in Kind.allCases {
      for method in 0...Self.methods.count {
        for statusClass in 0..<5 {
          let index = (kind.rawValue * (Self.methods.count + 1) + method) * 5 + statusClass
          let count = requests[index].load(ordering: .relaxed)
          guard count > 0 else { continue }
          let name = method < Self.methods.count ? Self.methods[method].rawValue : "other"
          samples.append(
            ("{kind=\"\(kind)\",method=\"\(name)\",status=\"\(statusClass + 1)xx\"}", "\(count)"))
        }
      }
    }
    return samples
  }

  private func histogram() -> String {
    var text = ""
    for kind in Kind.allCases {
      var sum: UInt64 = 0
      for bucket in 0...Self.bounds.count {
        sum += buckets[kind.rawValue * (Self.bounds.count + 1) + bucket].load(ordering: .relaxed)
        let bound = bucket < Self.bounds.count ? "\(Self.bounds[bucket])" : "+Inf"
        text += "kontor_http_request_duration_seconds_bucket{kind=\"\(kind)\",le=\"\(bound)\"} \(sum)\n"
      }
      let seconds = Double(nanoseconds[kind.rawValue].load(ordering: .relaxed)) / 1e9
      text += "kontor_http_request_duration_seconds_sum{kind=\"\(kind)\"} \(seconds)\n"
      text += "kontor_http_request_duration_seconds_count{kind=\"\(kind)\"} \(sum)\n"
    }
    return text
  }

  private func storageTotals() async throws -> StorageTotals {
    let now = NIODeadline.now()
    if let (totals, time) = cachedTotals.withLock({ $0 }), now - time < .seconds(60) { return totals }
    let totals = try await registry.store.blocking { [registry] in try registry.store.metadata.totals() }
    cachedTotals.withLock { $0 = (totals, now) }
    return totals
  }

  /// Bytes; the second number of `/proc/self/statm` is in pages.
  private static func residentMemory() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 128)
    guard fgets(&buffer, CInt(buffer.count), file) != nil else { return 0 }
    let fields = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(CInt(_SC_PAGESIZE))
  }
}
