import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

/// Who has to have signed an image, said without a policy file.
public enum WantedSigner: Sendable {
  /// The owner of one of the keys in these files: OpenPGP's, or cosign's.
  case keys([String])
  /// Whom a certificate of Sigstore's names.
  /// - Parameters:
  ///   - identity: an electronic mail address, or a URI.
  ///   - trustedRoot: the path of a `trusted_root.json`.
  case identity(String, issuer: String, trustedRoot: String)
  /// Whom a trust policy of the Notary Project's trusts. Both are paths.
  case notation(trustPolicy: String, trustStore: String)

  /// A policy that wants such a signature of every image.
  /// - Throws: `TransferError`, `TrustError` for files that cannot be used.
  public func policy(at time: Date) throws -> Policy {
    var document = OrderedJSON.object([])
    document["default"] = .array([
      .object([
        .init(name: "type", value: .string("anyOf")),
        .init(name: "requirements", value: .array(try requirements())),
      ])
    ])
    return try PolicyFile.parse(Array(document.line.utf8), what: "of the options", at: time)
  }

  private func requirements() throws -> [OrderedJSON] {
    func object(_ members: (String, OrderedJSON)...) -> OrderedJSON {
      .object(members.map { OrderedJSON.Member(name: $0.0, value: $0.1) })
    }
    // As for cosign: whoever names image and key asks for the signature of the content.
    let anyName = object(("type", .string("matchDigest")))
    switch self {
    case .keys(let paths):
      var (openPGP, bare): ([OrderedJSON], [OrderedJSON]) = ([], [])
      for path in paths {
        if try Self.isPublicKey(path) { bare.append(.string(path)) } else { openPGP.append(.string(path)) }
      }
      var requirements: [OrderedJSON] = []
      if !openPGP.isEmpty {
        requirements.append(
          object(
            ("type", .string("signedBy")), ("keyType", .string("GPGKeys")), ("keyPaths", .array(openPGP))))
      }
      if !bare.isEmpty {
        requirements.append(
          object(
            ("type", .string("sigstoreSigned")), ("keyPaths", .array(bare)), ("signedIdentity", anyName)))
      }
      return requirements
    case .identity(let identity, let issuer, let trustedRoot):
      let subject = identity.contains("://") ? "subjectURI" : "subjectEmail"
      return [
        object(
          ("type", .string("sigstoreSigned")), ("trustedRootPath", .string(trustedRoot)),
          ("fulcio", object(("oidcIssuer", .string(issuer)), (subject, .string(identity)))),
          ("signedIdentity", anyName))
      ]
    case .notation(let trustPolicy, let trustStore):
      return [
        object(
          ("type", .string("notation")), ("trustPolicyPath", .string(trustPolicy)),
          ("trustStorePath", .string(trustStore)))
      ]
    }
  }

  /// What is no such key is left to be read as one of OpenPGP's, whose message says what was expected.
  private static func isPublicKey(_ path: String) throws -> Bool {
    let bytes = try LocalFile.existing(path, atMost: OpenPGPKeyring.maximumSize)
    return (try? PublicKey(parsing: bytes)) != nil
      || String(decoding: bytes, as: UTF8.self).contains("BEGIN PUBLIC KEY")
  }
}
