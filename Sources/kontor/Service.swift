import Access
import ContainerImage
import HTTPServer
import Logging
import Mirroring
import Registry
import RegistryAPI
import RegistryClient
import Storage
import Trust

#if canImport(Glibc)
  import Glibc
#endif

/// A running registry: puts the parts together, waits for a signal, and takes them apart again.
struct Service {
  private let settings: Settings
  private let logger: Logger

  init(_ settings: Settings) {
    self.settings = settings
    logger = Logger(label: "kontor") { _ in
      StandardErrorLog(level: settings.logLevel, format: settings.logFormat)
    }
  }

  /// Returns when the registry has stopped in an orderly way.
  func run() async throws {
    let signals = Signals()
    var settings = settings
    // A connection needs a descriptor, and files that are read or written some more.
    let affordable = max(64, raiseFileLimit() - 1024)
    if settings.maxConnections > affordable {
      logger.warning(
        "server.maxConnections is lowered: more open files are not allowed (see ulimit -n)",
        metadata: ["maxConnections": "\(affordable)"])
      settings.maxConnections = affordable
    }
    let store: ContentStore
    do {
      store = try ContentStore(path: settings.data, logger: logger)
    } catch {
      throw Failure(message: "\(error)")
    }
    let parts: RegistryParts
    let signing: AppContainerService.Configuration
    let tagListKey: SigningKey?
    let access: AccessControl?
    let auditLog: AuditLog?
    do {
      auditLog = try settings.logAudit.map {
        try AuditLog(
          .init(path: $0, largestFile: settings.logAuditSize, keptFiles: settings.logAuditFiles),
          logger: logger)
      }
      parts = try RegistryParts(settings, store, logger)
      signing = try settings.appContainer()
      tagListKey = try settings.tagListKey()
      access = try settings.access(at: settings.listen).map { configuration throws(ConfigurationError) in
        AccessControl(
          configuration, store: store, logger: logger, fetch: try settings.issuerClient())
      }
    } catch {
      throw Failure(message: "\(error)")
    }
    let (registry, mirror, replicator) = (parts.registry, parts.mirror, parts.replicator)
    let appContainer = AppContainerService(
      registry: registry, acceptance: parts.acceptance, configuration: signing, logger: logger)
    let tagLists = tagListKey.map { key in
      TagListSigning(settings.tagLists(by: key, at: settings.listen), registry: registry, logger: logger)
    }
    let collector = Collector(store: store, configuration: settings.collector, logger: logger)
    let accessLog = settings.logAccess ? AccessLog(format: settings.logFormat) : nil
    let connections = ConnectionCount()
    let handler = RegistryHandler(
      registry: registry, appContainer: appContainer, pushers: settings.trustPushers,
      tagLists: tagLists, mirror: mirror, access: access, tokenRealm: settings.accessTokenRealm,
      metrics: Metrics(
        registry: registry, collector: collector, mirror: mirror, replicator: replicator,
        connections: { connections.now }),
      accessLog: accessLog, auditLog: auditLog, limiter: settings.limiter, concurrency: settings.concurrency,
      logger: logger)

    let control = await startControl(parts, collector, access, auditLog)
    let server: HTTPServer
    do {
      server = try await HTTPServer.start(configuration: settings.http, handler: handler, logger: logger)
    } catch {
      await control?.shutdown()
      throw Failure(message: "\(error)")
    }
    // The port may be known only now.
    if let trust = registry.trust, let policy = parts.policy { go(by: policy, trust, server) }
    if let tagLists, let tagListKey { sign(by: tagListKey, tagLists, server) }
    access?.rename(service: settings.accessService(at: server.boundAddresses))
    connections.watch(server)
    announce(server)
    let collection = Task { await collector.run() }
    let mirroring = Task { await mirror?.run() }
    let replication = Task { await replicator?.run() }
    let watch = Task { [settings] in
      guard let access else { return }
      var files = AccessFiles(settings)
      while (try? await Task.sleep(for: .seconds(2))) != nil {
        if files.haveChanged() { reload(access, server) }
      }
    }
    ServiceManager.notify("READY=1")

    for await signal in signals.received {
      if signal != SIGHUP { break }
      server.reloadTLS()
      if let trust = registry.trust { reload(trust, server) }
      if let tagLists { reload(tagLists, server) }
      if let access { reload(access, server) }
      orElse("the audit log goes on in the former file") { try auditLog?.reopen() }
    }
    logger.notice(
      "stopping: requests that are being served may end", metadata: ["timeout": "\(settings.shutdownTimeout)"]
    )
    ServiceManager.notify("STOPPING=1")
    collection.cancel()
    watch.cancel()
    // Whoever waits for a rule that was asked for by hand gets an answer, too.
    replication.cancel()
    replicator?.stop()
    await server.shutdown()
    mirroring.cancel()
    await mirroring.value
    await replication.value
    await control?.shutdown()
    accessLog?.flush()
    logger.notice("stopped")
  }

  /// A policy that cannot be used leaves the former one as it is.
  private func reload(_ trust: TrustEnforcement, _ server: HTTPServer) {
    orElse("the trust policy stays as it was") {
      if let policy = try settings.policy() { go(by: policy, trust, server) }
    }
  }

  private func go(by policy: Policy, _ trust: TrustEnforcement, _ server: HTTPServer) {
    let configuration = settings.trust(by: policy, at: server.boundAddresses)
    trust.replace(configuration)
    logger.notice(
      "going by the trust policy",
      metadata: ["registry": "\(configuration.registry)", "revision": "\(policy.revision)"])
  }

  /// Rules and users that cannot be read leave the former ones as they are.
  private func reload(_ access: AccessControl, _ server: HTTPServer) {
    orElse("the rules of access stay as they were") {
      guard
        let configuration = try settings.access(at: server.boundAddresses, insteadOf: access.configuration)
      else { return }
      access.replace(configuration)
      logger.notice("going by the rules of access", metadata: ["service": "\(configuration.service)"])
    }
  }

  /// A key that cannot be used leaves the former one as it is.
  private func reload(_ tagLists: TagListSigning, _ server: HTTPServer) {
    orElse("the key of tag lists stays as it was") {
      if let key = try settings.tagListKey() { sign(by: key, tagLists, server) }
    }
  }

  private func sign(by key: SigningKey, _ tagLists: TagListSigning, _ server: HTTPServer) {
    let configuration = settings.tagLists(by: key, at: server.boundAddresses)
    tagLists.replace(configuration)
    logger.notice(
      "signing lists of tags",
      metadata: ["registry": "\(configuration.registry)", "key": "\(key.publicKey.keyID)"])
  }

  /// What cannot be had anew leaves the former one in use.
  /// - Parameter message: says so in the log.
  private func orElse(_ message: Logger.Message, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      logger.error(message, metadata: ["error": "\(error)"])
    }
  }

  private func announce(_ server: HTTPServer) {
    let scheme = settings.tlsCertificate == nil ? "http" : "https"
    for address in server.boundAddresses {
      switch address {
      case .tcp: logger.notice("listening on \(scheme)://\(address)")
      case .unix: logger.notice("listening on \(address)")
      }
      if !settings.asksWho, !address.isOfThisMachine {
        logger.warning(
          "everybody who can reach \(address) may pull, push and delete: let only trusted networks reach it")
      }
    }
  }

  /// The socket for `kontor gc` and `kontor scrub`. A registry serves without it, too.
  private func startControl(
    _ parts: RegistryParts, _ collector: Collector, _ access: AccessControl?, _ auditLog: AuditLog?
  ) async -> HTTPServer? {
    let path = ControlClient.socket(in: settings.data)
    guard let address = ListenAddress(parsing: "unix:\(path)") else {
      logger.warning(
        "the data directory's path is too long for a control socket", metadata: ["path": "\(path)"])
      return nil
    }
    do {
      let server = try await HTTPServer.start(
        configuration: HTTPServerConfiguration(addresses: [address], threads: 1),
        handler: ControlHandler(
          registry: parts.registry, collector: collector, access: access, mirror: parts.mirror,
          replicator: parts.replicator, auditLog: auditLog),
        logger: logger)
      // Who may open it may do everything.
      chmod(path, 0o600)
      return server
    } catch {
      logger.warning("there is no control socket", metadata: ["error": "\(error)"])
      return nil
    }
  }

  /// Sockets and files need more descriptors than shells allow by default.
  /// - Returns: how many are allowed now.
  private func raiseFileLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
  }
}

extension Settings {
  /// A second's worth at once.
  fileprivate var limiter: RateLimiter? {
    accessRequestRate > 0 ? RateLimiter(perSecond: Double(accessRequestRate), burst: accessRequestRate) : nil
  }

  fileprivate var concurrency: ConcurrencyLimit? {
    accessConcurrentRequests > 0 ? ConcurrencyLimit(most: accessConcurrentRequests) : nil
  }

  var collector: Collector.Configuration {
    Collector.Configuration(
      interval: gcInterval == .zero ? nil : gcInterval, grace: gcGrace, uploadExpiry: uploadExpiry)
  }

  fileprivate var http: HTTPServerConfiguration {
    var tls: TLSFiles?
    if let tlsCertificate, let tlsKey {
      tls = TLSFiles(certificate: tlsCertificate, key: tlsKey, clientAuthorities: tlsClientAuthorities)
    }
    var configuration = HTTPServerConfiguration(
      addresses: listen, tls: tls,
      threads: threads > 0 ? threads : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    configuration.maximumConnections = maxConnections
    configuration.maximumConnectionsPerAddress = maxConnectionsPerAddress
    configuration.trustedProxies = trustedProxies
    configuration.maximumHeaderBytes = Int(maxHeaderSize)
    configuration.headerTimeout = .init(headerTimeout)
    configuration.idleTimeout = .init(idleTimeout)
    configuration.bodyTimeout = .init(bodyTimeout)
    configuration.writeTimeout = .init(writeTimeout)
    configuration.shutdownTimeout = .init(shutdownTimeout)
    return configuration
  }
}
