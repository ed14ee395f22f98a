import ContainerImage
import X509

/// A certificate that is trusted as it is, and the ones that may stand between it and those that signers have.
struct CertificateAuthority: Sendable {
  let anchor: Certificate
  let intermediates: [Certificate]
  let period: TrustedPeriod

  init(anchor: Certificate, intermediates: [Certificate], period: TrustedPeriod) {
    self.anchor = anchor
    self.intermediates = intermediates
    self.period = period
  }

  /// - Parameter chain: the last is the trust anchor.
  init(chain: [Certificate], period: TrustedPeriod) throws(Refusal) {
    guard let anchor = chain.last else { throw Refusal("it has no certificate") }
    self.init(anchor: anchor, intermediates: chain.dropLast(), period: period)
  }

  /// A `CertificateAuthority` (protobuf-specs, sigstore_trustroot.proto).
  init(_ authority: OrderedJSON) throws(Refusal) {
    var chain: [Certificate] = []
    for certificate in try authority.object("certChain").list("certificates") {
      chain.append(try Certificate(parsing: try certificate.bytes("rawBytes")[...]))
    }
    let period: TrustedPeriod =
      authority.member("validFor") == nil ? .always : try TrustedPeriod(authority.object("validFor"))
    try self.init(chain: chain, period: period)
  }
}
