import ImageTransfer

/// A request to a server, with all that decides how it is sent.
struct ClientRequest {
  var method: String
  var url: ClientURL
  /// In their order; names as they are sent.
  var headers: [(name: String, value: String)] = []
  var body: Body = .none
  var settings: ConnectionSettings

  enum Body {
    case none
    case bytes([UInt8])
    /// So many bytes, read while they are sent.
    case stream(any BlobReader, length: Int64)

    var length: Int64? {
      switch self {
      case .none: nil
      case .bytes(let bytes): Int64(bytes.count)
      case .stream(_, let length): length
      }
    }
  }
}

/// How a server's certificate is judged, what is shown to it, and through which proxy it is reached.
struct ConnectionSettings: Sendable, Hashable {
  var certificates = RegistryCertificates()
  var skipsVerification = false
  var proxy: ProxySettings.Proxy?
  var detours: [ConnectionDetour] = []
  /// Seconds; nil for the usual.
  var longestSilence: Int?
}

/// What came before a response's body.
struct ResponseHead: Sendable {
  var status: Int
  /// Names in lower case.
  var headers: [(name: String, value: String)] = []

  subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

  func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

  /// Bytes of the body, if announced.
  var contentLength: Int64? { self["content-length"].flatMap { Int64($0) } }
}
