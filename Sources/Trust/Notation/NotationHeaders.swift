import ContainerImage
import FoundationEssentials

/// Whose time a signature has, and which trusted certificates count for it (Notary Project, signing scheme specification).
enum NotationSigningScheme: String, Sendable, Hashable {
  /// The signer's own time, which nobody believes without a time stamp.
  case x509 = "notary.x509"
  /// Signed by an authority that vouches for the time.
  case signingAuthority = "notary.x509.signingAuthority"
}

/// What is signed beside the payload, in either envelope (signature specification, section "Signed Attributes").
struct NotationHeaders: Sendable, Hashable {
  enum Name {
    static let signingScheme = "io.cncf.notary.signingScheme"
    static let signingTime = "io.cncf.notary.signingTime"
    static let authenticSigningTime = "io.cncf.notary.authenticSigningTime"
    static let expiry = "io.cncf.notary.expiry"
    static let verificationPlugin = "io.cncf.notary.verificationPlugin"
    static let verificationPluginMinVersion = "io.cncf.notary.verificationPluginMinVersion"
    static let timestampSignature = "io.cncf.notary.timestampSignature"
    static let signingAgent = "io.cncf.notary.signingAgent"
  }

  static let payloadType = "application/vnd.cncf.notary.payload.v1+json"

  let scheme: NotationSigningScheme
  /// As the signer says, or as the authority vouches for, by the scheme.
  let signingTime: Date
  let expiry: Date?

  /// Headers as an envelope has them.
  struct Fields {
    var contentType: String?
    var scheme: String?
    var signingTime: Date?
    var authenticSigningTime: Date?
    var expiry: Date?
    /// What `crit` lists; nil if there is no such header, or if it is no list of texts.
    var critical: [String]?
    /// Of all headers that are signed and have a text for a name.
    var names: Set<String> = []
  }

  /// - Throws: `Refusal`: a header is missing, is not understood, or does not suit the others.
  init(_ fields: Fields) throws(Refusal) {
    if fields.names.contains(Name.verificationPlugin)
      || fields.names.contains(Name.verificationPluginMinVersion)
    {
      throw Refusal("it is to be verified by a plugin, which only the notation program can do")
    }
    guard fields.contentType == Self.payloadType else {
      throw Refusal("its content type is not \(Self.payloadType)")
    }
    guard let text = fields.scheme else { throw Refusal("the header \(Name.signingScheme) is missing") }
    guard let scheme = NotationSigningScheme(rawValue: text) else {
      throw Refusal("the signing scheme \(text.quotedForMessage) is not supported")
    }
    switch (scheme, fields.signingTime, fields.authenticSigningTime) {
    case (.x509, let time?, nil): signingTime = time
    case (.signingAuthority, nil, let time?): signingTime = time
    default:
      let name = scheme == .x509 ? Name.signingTime : Name.authenticSigningTime
      throw Refusal("with the signing scheme \(text) it is to have the time \(name), and no other one")
    }
    if let expiry = fields.expiry, expiry <= signingTime {
      throw Refusal("it expired before it was signed")
    }
    self.scheme = scheme
    expiry = fields.expiry
    try Self.check(critical: fields.critical, of: fields, scheme: scheme)
  }

  /// What a verifier has to understand is listed, is there, and is understood (RFC 7515, section 4.1.11; RFC 9052,
  /// section 3.1).
  private static func check(
    critical: [String]?, of fields: Fields, scheme: NotationSigningScheme
  ) throws(Refusal) {
    guard let critical else { throw Refusal("the header crit is missing, or is no list of names") }
    var expected: Set<String> = [Name.signingScheme]
    if scheme == .signingAuthority { expected.insert(Name.authenticSigningTime) }
    if fields.expiry != nil { expected.insert(Name.expiry) }
    for name in critical where !expected.contains(name) {
      throw Refusal("the critical header \(name.quotedForMessage) is not there, or not supported")
    }
    guard Set(critical) == expected, critical.count == expected.count else {
      let missing = expected.subtracting(critical).sorted()
      throw Refusal(
        missing.isEmpty ? "crit has a name twice" : "crit lacks \(missing.joined(separator: ", "))")
    }
  }
}
