import CLdap
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// What libldap has to hold to in TLS: the certificate and its name are checked, and nothing before TLS 1.2 is
/// spoken.
///
/// To read the authorities of a system takes some 20 ms, so all connections of a directory share them, until the file
/// changes.
///
/// Sendable by a lock.
final class TLSTrust: Sendable {
  /// Tells whether a file is still the same one.
  private struct Version: Equatable {
    let inode: UInt64
    let size: Int64
    let changed: [Int]
  }

  private struct Context {
    let file: String
    let version: Version
    /// libldap's `tls_ctx *`, as a number. One of its references is held, and never given back: libldap offers no way
    /// to. So it is there as long as the process, 1 to 2 MB for all authorities of a system.
    let address: UInt
  }

  /// Where systems have their authorities; the first that is there counts. libldap with GnuTLS knows none by itself.
  private static let systemAuthorities = [
    "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora, Red Hat
    "/var/lib/ca-certificates/ca-bundle.pem",  // SUSE
  ]

  private let authorities: String?
  private let url: LDAPURL
  private let context = Mutex<Context?>(nil)

  init(_ configuration: LDAPDirectory.Configuration) {
    authorities = configuration.authorities
    url = configuration.url
  }

  /// - Throws: `LDAPError.unusable`, if the file with the authorities cannot be read.
  func set(in handle: borrowing LDAPHandle) throws(LDAPError) {
    // libldap with GnuTLS takes the versions from a priority string only, that with OpenSSL as a number only.
    let isGnuTLS = handle.text(of: LDAP_OPT_X_TLS_PACKAGE) == "GnuTLS"
    let hasVersions =
      isGnuTLS
      ? handle.set(LDAP_OPT_X_TLS_CIPHER_SUITE, to: "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2")
      : handle.set(LDAP_OPT_X_TLS_PROTOCOL_MIN, to: 3 << 8 + 3)
    // A library that does not know one of these does not take it from ldap.conf either.
    _ = handle.clear(LDAP_OPT_X_TLS_PEERKEY_HASH)
    _ = handle.set(LDAP_OPT_X_TLS_CRLCHECK, to: LDAP_OPT_X_TLS_CRL_NONE)
    // A certificate with other names must not count for its common name (RFC 6125, section 6.4.4).
    guard hasVersions, handle.set(LDAP_OPT_X_TLS_REQUIRE_CERT, to: LDAP_OPT_X_TLS_DEMAND),
      handle.set(LDAP_OPT_X_TLS_REQUIRE_SAN, to: LDAP_OPT_X_TLS_TRY)
    else {
      throw .unavailable(url: url.description, reason: "libldap does not know an option for TLS")
    }
    try setContext(in: handle)
  }

  private func setContext(in handle: borrowing LDAPHandle) throws(LDAPError) {
    guard let file = authorities ?? Self.systemAuthorities.first(where: { access($0, R_OK) == 0 }) else {
      throw .unusable(
        what: "the system's certificate authorities",
        reason: "there are none: install ca-certificates, or configure a file with those of \(url)")
    }
    guard let version = Self.version(of: file) else { throw Self.unreadable(file) }
    try context.withLock { context throws(LDAPError) in
      if let known = context, known.file == file, known.version == version {
        guard handle.setContext(known.address) else { throw Self.unreadable(file) }
        return
      }
      // It is made of the handle's own options, so after them. Files, ciphers and versions of ldap.conf are not among
      // these (ldap_create leaves them out).
      guard handle.clear(LDAP_OPT_X_TLS_CACERTDIR), handle.set(LDAP_OPT_X_TLS_CACERTFILE, to: file),
        handle.set(LDAP_OPT_X_TLS_NEWCTX, to: 0), let address = handle.context
      else { throw Self.unreadable(file) }
      context = Context(file: file, version: version, address: address)
    }
  }

  private static func version(of file: String) -> Version? {
    var status = stat()
    guard stat(file, &status) == 0 else { return nil }
    return Version(
      inode: UInt64(status.st_ino), size: Int64(status.st_size),
      changed: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
  }

  private static func unreadable(_ file: String) -> LDAPError {
    .unusable(
      what: "the file \"\(ByteText.printable(file))\" with authorities for LDAP",
      reason: "it has no certificates in PEM, or may not be read")
  }
}

extension LDAPHandle {
  /// The TLS context, with one more reference.
  fileprivate var context: UInt? {
    var context: UnsafeMutableRawPointer?
    guard ldap_get_option(pointer, LDAP_OPT_X_TLS_CTX, &context) == LDAP_SUCCESS else { return nil }
    return context.map { UInt(bitPattern: $0) }
  }

  /// - Returns: whether libldap took it. It has a reference of its own then.
  fileprivate func setContext(_ address: UInt) -> Bool {
    guard let context = UnsafeRawPointer(bitPattern: address) else { return false }
    return ldap_set_option(pointer, LDAP_OPT_X_TLS_CTX, context) == LDAP_SUCCESS
  }
}
