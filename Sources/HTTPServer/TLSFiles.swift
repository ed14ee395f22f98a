/// The files of a server's certificate, in PEM form.
public struct TLSFiles: Sendable, Hashable {
  /// The certificate, followed by the intermediate ones.
  public var certificate: String
  public var key: String
  /// The authorities whose certificates clients may show; nil to ask for none.
  public var clientAuthorities: String?

  public init(certificate: String, key: String, clientAuthorities: String? = nil) {
    self.certificate = certificate
    self.key = key
    self.clientAuthorities = clientAuthorities
  }
}
