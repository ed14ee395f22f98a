import CLdap

#if canImport(Glibc)
  import Glibc
#endif

/// One connection to a directory, encrypted as configured. It is used by one thread, and blocks that.
///
/// After an operation threw, it is of no more use.
final class LDAPConnection {
  /// What the directory answers.
  struct Answer {
    /// RFC 4511, section 4.1.9.
    var code: Int32
    /// What it adds, fit for a log.
    var diagnostic: String
    var entries: [FoundEntry] = []

    /// For a message.
    var text: String {
      LDAPHandle.text(of: code) + (diagnostic.isEmpty ? "" : ", \"\(diagnostic)\"")
    }
  }

  struct FoundEntry {
    /// nil if it is not UTF-8.
    var distinguishedName: String?
    /// Of the attribute that was asked for. nil if the entry has it not, or it may not be read.
    var values: [[UInt8]]?
  }

  /// Bytes of one message of a directory.
  private static let maximumMessage = 16 << 20

  private let url: LDAPURL
  private let timeout: Duration
  private let isEncrypted: Bool
  private let handle: LDAPHandle
  private let watchdog: Watchdog

  /// Connects, and begins TLS.
  init(_ configuration: LDAPDirectory.Configuration, _ trust: TLSTrust) throws(LDAPError) {
    url = configuration.url
    timeout = configuration.timeout
    handle = try LDAPHandle(address: url.address)
    try Self.setOptions(of: handle, for: configuration)
    if url.isEncryptedAtOnce || configuration.startTLS {
      try trust.set(in: handle)
      isEncrypted = true
    } else {
      isEncrypted = false
    }
    watchdog = try Self.connect(handle, to: url)
    guard isEncrypted else { return }
    if configuration.startTLS { try startTLS() }
    try shakeHands()
  }

  /// libldap reads ldap.conf, .ldaprc and LDAP... variables when it is first used, for options that all handles begin
  /// with. So each one that matters is set here, or in `TLSTrust`; nothing that is read there weakens or changes what
  /// is configured.
  private static func setOptions(
    of handle: borrowing LDAPHandle, for configuration: LDAPDirectory.Configuration
  ) throws(LDAPError) {
    let areSet =
      handle.set(LDAP_OPT_PROTOCOL_VERSION, to: LDAP_VERSION3)
      && handle.set(LDAP_OPT_DEREF, to: LDAP_DEREF_NEVER)
      && handle.clear(LDAP_OPT_REFERRALS)
      && handle.set(LDAP_OPT_SIZELIMIT, to: LDAP_NO_LIMIT)
      && handle.set(LDAP_OPT_TIMELIMIT, to: LDAP_NO_LIMIT)
      && handle.set(LDAP_OPT_TIMEOUT, to: configuration.timeout)
      && handle.set(LDAP_OPT_NETWORK_TIMEOUT, to: configuration.timeout)
      && handle.clear(LDAP_OPT_SOCKET_BIND_ADDRESSES)
    guard areSet else {
      throw .unavailable(url: configuration.url.description, reason: "libldap does not know an option")
    }
  }

  private static func connect(
    _ handle: borrowing LDAPHandle, to url: LDAPURL
  ) throws(LDAPError) -> Watchdog {
    errno = 0
    let code = ldap_connect(handle.pointer)
    let number = errno
    guard code == LDAP_SUCCESS else {
      let known = [ECONNREFUSED, ENOENT, EACCES, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, ECONNRESET]
      let reason = known.contains(number) ? String(cString: strerror(number)) : LDAPHandle.text(of: code)
      throw .unavailable(
        url: url.description,
        reason: "cannot connect to it: \(reason); check that it runs, and that its name and port are right")
    }
    var sockets: OpaquePointer?
    var maximum = ber_len_t(maximumMessage)
    // Were the connection lost, libldap would connect anew by itself, but without TLS. There is nothing to connect to
    // then.
    guard handle.set(LDAP_OPT_URI, to: LDAPHandle.nowhere),
      // Only for connecting: in a TLS handshake, libldap would not wait with it, but try again without a pause.
      handle.set(LDAP_OPT_NETWORK_TIMEOUT, to: nil as Duration?),
      let socket = handle.number(of: LDAP_OPT_DESC), let watchdog = Watchdog(watching: socket),
      ldap_get_option(handle.pointer, LDAP_OPT_SOCKBUF, &sockets) == LDAP_SUCCESS,
      ber_sockbuf_ctrl(sockets, LBER_SB_OPT_SET_MAX_INCOMING, &maximum) > 0
    else {
      throw .unavailable(
        url: url.description, reason: "the connection cannot be used: perhaps too many files are open")
    }
    return watchdog
  }

  private func startTLS() throws(LDAPError) {
    let answer = try ask("begin TLS") { message in
      ldap_start_tls(handle.pointer, nil, nil, &message)
    }
    guard answer.code == LDAP_SUCCESS else {
      throw .misconfigured(
        url: url.description,
        reason: "it does not begin TLS: \(answer.text); give it a certificate, or use the ldaps:// URL it has"
      )
    }
  }

  private func shakeHands() throws(LDAPError) {
    let code = try watch("begin TLS") { () throws(LDAPError) in ldap_install_tls(handle.pointer) }
    guard code == LDAP_SUCCESS else {
      // GnuTLS gives no more than that for most reasons.
      let detail = diagnostic.isEmpty || diagnostic.contains("unknown error code") ? "" : ": \(diagnostic)"
      throw .unavailable(
        url: url.description,
        reason:
          "TLS fails\(detail); check that its certificate is for \"\(url.host ?? "")\", has not expired, and is by "
          + "one of the configured authorities, and that it knows TLS 1.2")
    }
    let version = handle.text(of: LDAP_OPT_X_TLS_VERSION) ?? "none"
    guard ldap_tls_inplace(handle.pointer) == 1, version.hasSuffix("1.2") || version.hasSuffix("1.3") else {
      throw .unavailable(url: url.description, reason: "it speaks \(version); TLS 1.2 or 1.3 is expected")
    }
  }

  /// A simple bind (RFC 4513, section 5.1.3).
  /// - Parameter password: not empty.
  func bind(_ name: String, password: [UInt8]) throws(LDAPError) -> Answer {
    precondition(!password.isEmpty, "an empty password makes anybody anonymous (RFC 4513, section 5.1.2)")
    guard !isEncrypted || ldap_tls_inplace(handle.pointer) == 1 else {
      throw .unavailable(url: url.description, reason: "the connection is lost")
    }
    return try ask("check a password") { message in
      var password = password
      return password.withUnsafeMutableBytes { bytes in
        var credentials = berval(
          bv_len: ber_len_t(bytes.count), bv_val: bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
        return ldap_sasl_bind(handle.pointer, name, nil, &credentials, nil, nil, &message)
      }
    }
  }

  /// Searches below an entry, and for it itself.
  /// - Parameter limit: how many entries the directory may answer with. If there are more, the code is
  ///   `LDAP_SIZELIMIT_EXCEEDED`.
  func search(_ base: String, filter: String, attribute: String, limit: Int) throws(LDAPError) -> Answer {
    try ask("search", attribute: attribute) { message in
      attribute.withCString { text in
        // C does not write to it.
        var attributes: [UnsafeMutablePointer<CChar>?] = [UnsafeMutablePointer(mutating: text), nil]
        var time = LDAPHandle.time(max(timeout, Duration.seconds(1)))
        return ldap_search_ext(
          handle.pointer, base, LDAPHandle.subtree, filter, &attributes, 0, nil, nil, &time, Int32(limit),
          &message)
      }
    }
  }

  /// Sends a request, and waits for the whole answer.
  /// - Parameter attribute: whose values are wanted, of entries that are found.
  private func ask(
    _ operation: String, attribute: String = "", _ send: (_ message: inout Int32) -> Int32
  ) throws(LDAPError) -> Answer {
    try watch(operation) { () throws(LDAPError) in
      var message: Int32 = -1
      let code = send(&message)
      guard code == LDAP_SUCCESS else { throw failure(operation, code: code) }
      var time = LDAPHandle.time(timeout)
      var result: OpaquePointer?
      let kind = ldap_result(handle.pointer, message, LDAP_MSG_ALL, &time, &result)
      guard kind > 0, let result else {
        throw kind == 0
          ? lateness(operation)
          : failure(operation, code: handle.number(of: LDAP_OPT_RESULT_CODE) ?? LDAP_OTHER)
      }
      defer { ldap_msgfree(result) }
      return try answer(in: result, operation, attribute)
    }
  }

  private func answer(
    in result: OpaquePointer, _ operation: String, _ attribute: String
  ) throws(LDAPError) -> Answer {
    var code: Int32 = LDAP_OTHER
    var text: UnsafeMutablePointer<CChar>?
    let parsed = ldap_parse_result(handle.pointer, result, &code, nil, &text, nil, nil, 0)
    defer { ldap_memfree(text) }
    guard parsed == LDAP_SUCCESS else { throw failure(operation, code: parsed) }
    var answer = Answer(code: code, diagnostic: text.map { ByteText.printable(String(cString: $0)) } ?? "")
    var entry = ldap_first_entry(handle.pointer, result)
    while let current = entry {
      answer.entries.append(found(in: current, attribute))
      entry = ldap_next_entry(handle.pointer, current)
    }
    return answer
  }

  private func found(in entry: OpaquePointer, _ attribute: String) -> FoundEntry {
    var found = FoundEntry()
    if let name = ldap_get_dn(handle.pointer, entry) {
      found.distinguishedName = String(validatingCString: name)
      ldap_memfree(name)
    }
    if let values = ldap_get_values_len(handle.pointer, entry, attribute) {
      found.values = (0..<Int(ldap_count_values_len(values))).compactMap { index in
        values[index].map {
          Array(UnsafeRawBufferPointer(start: $0.pointee.bv_val, count: Int($0.pointee.bv_len)))
        }
      }
      ldap_value_free_len(values)
    }
    return found
  }

  private func watch<Value>(
    _ operation: String, _ body: () throws(LDAPError) -> Value
  ) throws(LDAPError) -> Value {
    do throws(LDAPError) {
      let value = try watchdog.watch(timeout, body)
      if watchdog.hasCut { throw lateness(operation) }
      return value
    } catch {
      throw watchdog.hasCut ? lateness(operation) : error
    }
  }

  private func lateness(_ operation: String) -> LDAPError {
    .unavailable(
      url: url.description, reason: "it does not answer within \(timeout) when asked to \(operation)")
  }

  private func failure(_ operation: String, code: Int32) -> LDAPError {
    .unavailable(
      url: url.description,
      reason: "cannot \(operation): \(LDAPHandle.text(of: code))"
        + (diagnostic.isEmpty ? "" : ", \"\(diagnostic)\"")
        + (code == LDAP_SERVER_DOWN ? "; it closed the connection" : ""))
  }

  private var diagnostic: String { ByteText.printable(handle.text(of: LDAP_OPT_DIAGNOSTIC_MESSAGE) ?? "") }
}

extension LDAPURL {
  fileprivate var isEncryptedAtOnce: Bool {
    if case .encrypted = location { true } else { false }
  }
}
