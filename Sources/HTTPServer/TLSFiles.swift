/// The files of a server's certificate, in PEM form.
public struct TLSFiles: Sendable, Hashable {
  /// The certificate, followed by the intermediate ones.
  public var certificate: String
  public var key: String

  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}
