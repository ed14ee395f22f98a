import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A server's certificate, which is read again when its files change: new connections get the new one, and
/// those that are open keep theirs.
final class ServerTLS: Sendable {
  private struct Loaded {
    var context: NIOSSLContext
    var version: [FileVersion?]
  }

  private let files: TLSFiles
  private let logger: Logger
  private let loaded: Mutex<Loaded>

  /// - Throws: `HTTPServerError.tls` if the files cannot be used.
  init(_ files: TLSFiles, logger: Logger) throws(HTTPServerError) {
    self.files = files
    self.logger = logger
    let version = Self.version(files)
    loaded = Mutex(Loaded(context: try Self.load(files), version: version))
  }

  var context: NIOSSLContext { loaded.withLock { $0.context } }

  /// Reads the files again. If they cannot be used, the last good certificate stays.
  func reload() {
    let version = Self.version(files)
    do {
      let context = try Self.load(files)
      loaded.withLock { $0 = Loaded(context: context, version: version) }
      logger.notice("loaded the TLS certificate again", metadata: ["file": "\(files.certificate)"])
    } catch {
      // Not tried again until the files change again.
      loaded.withLock { $0.version = version }
      logger.error("the new TLS certificate is not used; the old one stays", metadata: ["error": "\(error)"])
    }
  }

  func reloadIfChanged() {
    if Self.version(files) != loaded.withLock({ $0.version }) { reload() }
  }

  private static func load(_ files: TLSFiles) throws(HTTPServerError) -> NIOSSLContext {
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
      guard !chain.isEmpty else { throw HTTPServerError.tls("\(files.certificate) holds no certificate") }
      let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
      if let authorities = files.clientAuthorities {
        let roots = try NIOSSLCertificate.fromPEMFile(authorities)
        guard !roots.isEmpty else { throw HTTPServerError.tls("\(authorities) holds no certificate") }
        configuration.trustRoots = .certificates(roots)
        // A client may show none, and have a password instead.
        configuration.certificateVerification = .optionalVerification
      }
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["h2", "http/1.1"]
      return try NIOSSLContext(configuration: configuration)
    } catch let error as HTTPServerError {
      throw error
    } catch {
      throw .tls("the certificate \(files.certificate) with the key \(files.key) cannot be used: \(error)")
    }
  }

  private static func version(_ files: TLSFiles) -> [FileVersion?] {
    [files.certificate, files.key, files.clientAuthorities].map { $0.flatMap(FileVersion.init) }
  }
}
