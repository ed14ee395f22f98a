import CCurl
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// One transfer after another over libcurl, each driven by the thread that reads it: a response's body is taken from
/// the network as it is asked for. Connections stay open for the next transfer.
///
/// `@unchecked Sendable`: used by one thread at a time; `ConnectionPool` hands it from one to the next.
final class CurlConnection: @unchecked Sendable {
  private let multi: OpaquePointer
  private let easy: UnsafeMutableRawPointer
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var detourList: UnsafeMutablePointer<curl_slist>?
  private let isCancelled: @Sendable () -> Bool

  // Of the current transfer.
  private var body: (any BlobReader)?
  private var bodyError: (any Error)?
  private var head: ResponseHead?
  private var headIsComplete = false
  /// Where the reader wants bytes; what does not fit waits in `waiting`.
  private var target: UnsafeMutableRawBufferPointer?
  private var targetCount = 0
  private var waiting: [UInt8] = []
  private var waitingStart = 0
  private var isPaused = false
  private var result: CURLcode?
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  private static let bufferSize = 256 << 10
  /// Without a byte in so many seconds a transfer has failed.
  private static let longestSilence = 60
  private static let connectTimeout = 30
  private static let largestHead = 256 << 10

  private static let isInitialized: Bool = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

  /// - Parameter isCancelled: asked several times a second while a transfer waits.
  init(isCancelled: @escaping @Sendable () -> Bool) throws(ConnectionFailure) {
    guard Self.isInitialized, let multi = curl_multi_init(), let easy = curl_easy_init() else {
      throw ConnectionFailure(kind: .invalid, reason: "libcurl cannot be started")
    }
    self.multi = OpaquePointer(multi)
    self.easy = easy
    self.isCancelled = isCancelled
  }

  deinit {
    end()
    curl_easy_cleanup(easy)
    curl_multi_cleanup(UnsafeMutableRawPointer(multi))
    errorText.deallocate()
  }

  // MARK: One transfer

  /// Sends a request, with its body, and waits for the response's head.
  func start(_ request: ClientRequest) throws(ConnectionFailure) -> ResponseHead {
    end()
    configure(request)
    guard curl_multi_add_handle(UnsafeMutableRawPointer(multi), easy) == CURLM_OK else {
      throw ConnectionFailure(kind: .invalid, reason: "libcurl cannot start a transfer")
    }
    while !headIsComplete && result == nil { try drive() }
    guard headIsComplete, let head else { throw failure(request.url) }
    return head
  }

  /// The next bytes of the response's body.
  /// - Returns: how many; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ConnectionFailure) -> Int {
    if waitingStart < waiting.count {
      let count = min(buffer.count, waiting.count - waitingStart)
      waiting.withUnsafeBytes { bytes in
        buffer.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[waitingStart..<(waitingStart + count)]))
      }
      waitingStart += count
      if waitingStart == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        waitingStart = 0
      }
      return count
    }
    target = buffer
    targetCount = 0
    defer { target = nil }
    if isPaused {
      isPaused = false
      curl_easy_pause(easy, CInt(CURLPAUSE_CONT))
    }
    while targetCount == 0 {
      if let result {
        guard result == CURLE_OK else { throw failure(nil) }
        return 0
      }
      try drive()
    }
    return targetCount
  }

  /// Whether the response has come to its end, so that the connection can be used again.
  var isAtEnd: Bool { result == CURLE_OK && waitingStart == waiting.count }

  /// Ends a transfer, whether it was complete or not.
  func end() {
    curl_multi_remove_handle(UnsafeMutableRawPointer(multi), easy)
    curl_easy_reset(easy)
    curl_slist_free_all(headerList)
    headerList = nil
    curl_slist_free_all(detourList)
    detourList = nil
    body = nil
    bodyError = nil
    head = nil
    headIsComplete = false
    waiting.removeAll()
    waitingStart = 0
    isPaused = false
    result = nil
  }

  private func drive() throws(ConnectionFailure) {
    if isCancelled() { throw ConnectionFailure(kind: .cancelled, reason: "stopped") }
    var running: CInt = 0
    let had = targetCount
    let code = curl_multi_perform(UnsafeMutableRawPointer(multi), &running)
    guard code == CURLM_OK else {
      throw ConnectionFailure(kind: .network, reason: String(cString: curl_multi_strerror(code)))
    }
    var left: CInt = 0
    while let message = curl_multi_info_read(UnsafeMutableRawPointer(multi), &left) {
      let ended = kontor_curl_result(message)
      if ended >= 0 { result = CURLcode(rawValue: UInt32(ended)) }
    }
    if result == nil, targetCount == had, !(headIsComplete && target == nil) {
      curl_multi_poll(UnsafeMutableRawPointer(multi), nil, 0, 200, nil)
    }
  }

  private func configure(_ request: ClientRequest) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    kontor_curl_set_text(easy, CURLOPT_URL, request.url.description)
    kontor_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    kontor_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    kontor_curl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    kontor_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT, Self.connectTimeout)
    kontor_curl_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
    kontor_curl_set_long(easy, CURLOPT_LOW_SPEED_TIME, request.settings.longestSilence ?? Self.longestSilence)
    kontor_curl_set_long(easy, CURLOPT_BUFFERSIZE, Self.bufferSize)
    kontor_curl_set_long(easy, CURLOPT_UPLOAD_BUFFERSIZE, Self.bufferSize)
    kontor_curl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
    errorText.pointee = 0
    kontor_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    kontor_curl_set_data(easy, CURLOPT_HEADERFUNCTION, Self.headerCame)
    kontor_curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
    kontor_curl_set_data(easy, CURLOPT_WRITEFUNCTION, Self.bytesCame)
    kontor_curl_set_pointer(easy, CURLOPT_WRITEDATA, context)
    configureTrust(request.settings)

    var headers = request.headers
    if let length = request.body.length {
      // Without it libcurl would wait a second for a "100 Continue" that many servers do not send.
      headers.append(("Expect", ""))
      if !headers.contains(where: { $0.name == "Content-Type" }) {
        headers.append(("Content-Type", "application/octet-stream"))
      }
      kontor_curl_set_long(easy, CURLOPT_UPLOAD, 1)
      kontor_curl_set_size(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(length))
      kontor_curl_set_data(easy, CURLOPT_READFUNCTION, Self.bytesWanted)
      kontor_curl_set_pointer(easy, CURLOPT_READDATA, context)
      switch request.body {
      case .none: break
      case .bytes(let bytes): body = MemoryReader(bytes)
      case .stream(let reader, _): body = reader
      }
    }
    if request.method == "HEAD" {
      kontor_curl_set_long(easy, CURLOPT_NOBODY, 1)
    } else if request.method != "GET" || request.body.length != nil {
      kontor_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
    }
    for (name, value) in headers {
      // "Name:" leaves a header out; "Name;" would send an empty one.
      headerList = curl_slist_append(headerList, value.isEmpty ? "\(name):" : "\(name): \(value)")
    }
    kontor_curl_set_list(easy, CURLOPT_HTTPHEADER, headerList)
  }

  private func configureTrust(_ settings: ConnectionSettings) {
    kontor_curl_set_text(easy, CURLOPT_PROXY, settings.proxy?.url.exposed ?? "")
    kontor_curl_set_text(easy, CURLOPT_NOPROXY, "")
    for detour in settings.detours { detourList = curl_slist_append(detourList, detour.curlText) }
    if detourList != nil { kontor_curl_set_list(easy, CURLOPT_CONNECT_TO, detourList) }
    if settings.skipsVerification {
      kontor_curl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0)
      kontor_curl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0)
    }
    if !settings.certificates.authorities.isEmpty {
      // libcurl takes one file, in whose place this comes: the system's authorities, then the others.
      let system = kontor_curl_authorities(easy).map { String(cString: $0) }
      var bundle: [UInt8] = []
      for path in [system].compactMap({ $0 }) + settings.certificates.authorities {
        bundle += (ClientFile.contents(path) ?? []) + [UInt8(ascii: "\n")]
      }
      bundle.withUnsafeMutableBytes { bytes in
        _ = kontor_curl_set_blob(easy, CURLOPT_CAINFO_BLOB, bytes.baseAddress, bytes.count)
      }
    }
    if let client = settings.certificates.clients.first {
      kontor_curl_set_text(easy, CURLOPT_SSLCERT, client.certificate)
      kontor_curl_set_text(easy, CURLOPT_SSLKEY, client.key)
    }
  }

  private func failure(_ url: ClientURL?) -> ConnectionFailure {
    if let error = bodyError as? ConnectionFailure { return error }
    let code = result ?? CURLE_OK
    let text = String(cString: errorText)
    let reason = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    switch code {
    case CURLE_SSL_CONNECT_ERROR: return ConnectionFailure(kind: .noTLS, reason: reason)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_ISSUER_ERROR:
      return ConnectionFailure(kind: .untrusted, reason: reason)
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_WEIRD_SERVER_REPLY,
      CURLE_BAD_CONTENT_ENCODING:
      return ConnectionFailure(kind: .invalid, reason: reason)
    default: return ConnectionFailure(kind: .network, reason: reason)
    }
  }

  /// Why the request's body could not be read, if that is what ended the transfer.
  var sourceError: (any Error)? { bodyError }

  // MARK: libcurl's callbacks, on the thread that drives the transfer

  private static let headerCame: kontor_curl_data = { data, size, count, context in
    guard let data, let context else { return 0 }
    let connection = Unmanaged<CurlConnection>.fromOpaque(context).takeUnretainedValue()
    return connection.take(headerLine: UnsafeRawBufferPointer(start: data, count: size * count))
  }

  private func take(headerLine bytes: UnsafeRawBufferPointer) -> Int {
    let line = String(decoding: bytes, as: UTF8.self)
    let text = line.prefix { $0 != "\r\n" && $0 != "\n" && $0 != "\r" }
    if text.hasPrefix("HTTP/"), !headIsComplete {
      head = ResponseHead(status: Int(kontor_curl_status(easy)))
    } else if text.isEmpty {
      // An interim response (RFC 9110, section 15.2) is followed by another.
      if let status = head?.status, status >= 200 { headIsComplete = true }
    } else if let colon = text.firstIndex(of: ":"), !headIsComplete {
      let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      head?.headers.append((text[..<colon].lowercased(), String(value)))
      if (head?.headers.count ?? 0) > 1000 { return 0 }
    }
    return bytes.count
  }

  private static let bytesCame: kontor_curl_data = { data, size, count, context in
    guard let data, let context else { return 0 }
    let connection = Unmanaged<CurlConnection>.fromOpaque(context).takeUnretainedValue()
    return connection.take(UnsafeRawBufferPointer(start: data, count: size * count))
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    // Nobody waits for these yet: the network may wait, too.
    if waiting.count - waitingStart > 0 || (target == nil && bytes.count > Self.bufferSize) {
      isPaused = true
      return Int(CURL_WRITEFUNC_PAUSE)
    }
    var rest = bytes
    if let target, targetCount < target.count {
      let count = min(target.count - targetCount, bytes.count)
      UnsafeMutableRawBufferPointer(rebasing: target[targetCount...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      targetCount += count
      rest = UnsafeRawBufferPointer(rebasing: bytes[count...])
    }
    waiting.append(contentsOf: rest)
    return bytes.count
  }

  private static let bytesWanted: kontor_curl_data = { data, size, count, context in
    guard let data, let context else { return Int(CURL_READFUNC_ABORT) }
    let connection = Unmanaged<CurlConnection>.fromOpaque(context).takeUnretainedValue()
    return connection.give(UnsafeMutableRawBufferPointer(start: data, count: size * count))
  }

  private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    do {
      return try body?.read(into: buffer) ?? 0
    } catch {
      bodyError = error
      return Int(CURL_READFUNC_ABORT)
    }
  }
}

/// Small files that settings name.
enum ClientFile {
  /// - Returns: nil if it cannot be read; at most 16 MiB.
  static func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < 16 << 20 {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? bytes : nil }
      bytes += buffer[..<count]
    }
    return nil
  }
}
