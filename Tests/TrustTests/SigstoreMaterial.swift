import ContainerImage
import Foundation
import Testing
import Trust

/// What `sigstore_cases.py` makes.
struct SigstoreMaterial: Decodable {
  let digest: String
  let manifest: Data
  let reference: String
  let roots: [String: Data]
  let cases: [Case]

  struct Case: Decodable {
    let name: String
    /// "good", or a part of the reason why it is bad.
    let expect: String
    let config: Config
    let now: Double
    let payload: Data?
    let annotations: [String: String]?
    let bundle: Data?
    let signedAt: Double?
    let subject: String?
    let predicateType: String?
  }

  struct Config: Decodable {
    let keys: [Data]?
    let identities: [Identity]?
    let root: String?
    let authorities: [Data]?
    let logKeys: [Data]?
    let certificateLogKeys: [Data]?
    let timestampAuthorities: [Data]?
    let requiresLogEntry: Bool
  }

  struct Identity: Decodable {
    let issuer: String
    let subject: String
    let kind: String?
  }

  static let made = Result { try PythonMaterial.make(SigstoreMaterial.self, by: "sigstore_cases") }

  func verifier(_ config: Config) throws -> SigstoreVerifier {
    let root: SigstoreTrustRoot
    if let name = config.root {
      root = try SigstoreTrustRoot(parsing: [UInt8](try #require(roots[name])))
    } else {
      func each(_ list: [Data]?) -> [[UInt8]] { (list ?? []).map { [UInt8]($0) } }
      root = try SigstoreTrustRoot(
        authorities: each(config.authorities), logKeys: each(config.logKeys),
        certificateLogKeys: each(config.certificateLogKeys),
        timestampAuthorities: each(config.timestampAuthorities))
    }
    let signers: SigstoreVerifier.Signers
    if let identities = config.identities {
      signers = .identities(
        identities.map {
          SigstoreIdentity(
            issuer: $0.issuer, subject: $0.subject, kind: $0.kind.flatMap(SigstoreIdentity.Kind.init))
        })
    } else {
      signers = .keys(try (config.keys ?? []).map { try PublicKey(parsing: [UInt8]($0)) })
    }
    return SigstoreVerifier(signers: signers, root: root, requiresLogEntry: config.requiresLogEntry)
  }

  func finding(_ tested: Case, by verifier: SigstoreVerifier) throws -> SigstoreFinding {
    let now = Date(timeIntervalSince1970: tested.now)
    let digest = try Digest(parsing: digest)
    if let bundle = tested.bundle {
      return verifier.verify(bundle: [UInt8](bundle), of: [UInt8](manifest), digest: digest, at: now)
    }
    let signature = CosignSignature(
      payload: [UInt8](tested.payload ?? Data()), annotations: tested.annotations ?? [:])
    return verifier.verify(signature, of: digest, at: now)
  }
}
