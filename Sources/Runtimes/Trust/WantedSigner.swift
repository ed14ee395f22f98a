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

  /// A policy that wants such a signature of every image. As for cosign, the name that a signature of Sigstore's says is not looked
  /// at: whoever names image and signer asks about the content.
  /// - Throws: `TransferError`, `TrustError` for files that cannot be used.
  public func policy(at time: Date) throws -> Policy {
    let document = OrderedJSON.object("default", .array([try requirement(sigstoreIdentity: "matchDigest")]))
    return try PolicyFile.parse(Array(document.line.utf8), what: "of the options", at: time)
  }

  /// What a policy's rule wants then. Paths in it are absolute.
  ///
  /// Signatures of Podman's form have to say the image's tag, or be for its digest, as where a policy says nothing else. Those of
  /// Sigstore have to say its repository: cosign's have no tag.
  /// - Throws: `TransferError`
  public func requirement() throws(TransferError) -> OrderedJSON {
    try requirement(sigstoreIdentity: "matchRepository")
  }

  private func requirement(sigstoreIdentity: String) throws(TransferError) -> OrderedJSON {
    let identity = OrderedJSON.object("type", .string(sigstoreIdentity))
    switch self {
    case .keys(let paths):
      var (openPGP, bare): ([OrderedJSON], [OrderedJSON]) = ([], [])
      for path in paths {
        let absolute = OrderedJSON.string(try LocalFile.absolute(path))
        if try Self.isPublicKey(path) { bare.append(absolute) } else { openPGP.append(absolute) }
      }
      var requirements: [OrderedJSON] = []
      if !openPGP.isEmpty {
        var signedBy = OrderedJSON.object("type", .string("signedBy"))
        signedBy["keyType"] = .string("GPGKeys")
        signedBy.setKeyPaths(openPGP)
        requirements.append(signedBy)
      }
      if !bare.isEmpty {
        var sigstoreSigned = OrderedJSON.object("type", .string("sigstoreSigned"))
        sigstoreSigned.setKeyPaths(bare)
        sigstoreSigned["signedIdentity"] = identity
        requirements.append(sigstoreSigned)
      }
      return .oneOf(requirements)
    case .identity(let name, let issuer, let trustedRoot):
      var fulcio = OrderedJSON.object("oidcIssuer", .string(issuer))
      fulcio[name.contains("://") ? "subjectURI" : "subjectEmail"] = .string(name)
      var requirement = OrderedJSON.object("type", .string("sigstoreSigned"))
      requirement["trustedRootPath"] = .string(try LocalFile.absolute(trustedRoot))
      requirement["fulcio"] = fulcio
      requirement["signedIdentity"] = identity
      return requirement
    case .notation(let trustPolicy, let trustStore):
      var requirement = OrderedJSON.object("type", .string("notation"))
      requirement["trustPolicyPath"] = .string(try LocalFile.absolute(trustPolicy))
      requirement["trustStorePath"] = .string(try LocalFile.absolute(trustStore))
      return requirement
    }
  }

  /// What is no such key is left to be read as one of OpenPGP's, whose message says what was expected.
  private static func isPublicKey(_ path: String) throws(TransferError) -> Bool {
    let bytes = try LocalFile.existing(path, atMost: OpenPGPKeyring.maximumSize)
    return (try? PublicKey(parsing: bytes)) != nil
      || String(decoding: bytes, as: UTF8.self).contains("BEGIN PUBLIC KEY")
  }
}
