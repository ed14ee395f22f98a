import ContainerImage

/// What a policy wants of an image.
public struct PolicyRequirement: Sendable {
  /// Where it stands in the file, such as `transports.docker["registry.example"][0]`.
  public let place: String
  public let kind: Kind

  public indirect enum Kind: Sendable {
    /// Nothing.
    case insecureAcceptAnything
    /// No image will do.
    case reject
    case signedBy(SignedByRequirement)
    case sigstoreSigned(SigstoreRequirement)
    case notation(NotationRequirement)
    case anyOf([PolicyRequirement])
    case allOf([PolicyRequirement])
  }

  /// As the file calls it.
  public var type: String {
    switch kind {
    case .insecureAcceptAnything: "insecureAcceptAnything"
    case .reject: "reject"
    case .signedBy: "signedBy"
    case .sigstoreSigned: "sigstoreSigned"
    case .notation: "notation"
    case .anyOf: "anyOf"
    case .allOf: "allOf"
    }
  }

  /// Whose signatures meet it, one of them, as far as the policy itself names them; none where certificates do.
  public var signers: [Signer] {
    switch kind {
    case .signedBy(let requirement):
      requirement.keyring.keys.map { .openPGP(fingerprint: $0.fingerprint, userIDs: $0.userIDs) }
    case .sigstoreSigned(let requirement): requirement.signers
    case .insecureAcceptAnything, .reject, .notation, .anyOf, .allOf: []
    }
  }

  /// Those of `anyOf` and `allOf`.
  public var parts: [PolicyRequirement] {
    switch kind {
    case .anyOf(let parts), .allOf(let parts): parts
    case .insecureAcceptAnything, .reject, .signedBy, .sigstoreSigned, .notation: []
    }
  }

  /// What it is, with its parts and signers, for people.
  public var summary: String {
    if !parts.isEmpty { return "\(type)(\(parts.map(\.summary).joined(separator: "; ")))" }
    return signers.isEmpty ? type : "\(type) \(signers.map(\.description).joined(separator: ", "))"
  }

  /// Whether it is met, where that is so or not so whatever signatures there are; else nil.
  var foregone: Bool? {
    switch kind {
    case .insecureAcceptAnything: true
    case .reject: false
    case .signedBy, .sigstoreSigned, .notation: nil
    case .allOf(let parts):
      parts.contains { $0.foregone == false } ? false : parts.allSatisfy { $0.foregone == true } ? true : nil
    case .anyOf(let parts):
      parts.contains { $0.foregone == true } ? true : parts.allSatisfy { $0.foregone == false } ? false : nil
    }
  }

  /// The forms of signatures that can make a difference.
  var formats: Set<SignatureVerdict.Format> {
    guard foregone == nil else { return [] }
    return switch kind {
    case .insecureAcceptAnything, .reject: []
    case .signedBy: [.simpleSigning]
    case .sigstoreSigned(let requirement):
      [requirement.predicateType == nil ? .cosign : .cosignAttestation, .sigstoreBundle]
    case .notation: [.notation]
    case .anyOf(let parts), .allOf(let parts):
      parts.reduce(into: []) { $0.formUnion($1.formats) }
    }
  }
}

/// A signature as Podman and skopeo make it.
public struct SignedByRequirement: Sendable {
  /// By one of these.
  public let keyring: OpenPGPKeyring
  public let identity: SignedIdentity
}
