import ContainerImage

/// The Notary Project's trust policy document for images: `trustpolicy.oci.json`, or `trustpolicy.json`, which has the same
/// form (version 1.0).
public struct NotationTrustPolicy: Sendable, Hashable {
  /// Bytes.
  public static let maximumSize = 1 << 20

  /// What is asked of signatures over the images of some repositories.
  public struct Statement: Sendable, Hashable {
    public enum Scope: Sendable, Hashable {
      /// Every repository that no other statement names.
      case all
      /// As `registry.example:5000/name`, in small letters.
      case repositories([String])
    }

    public enum TimestampUse: String, Sendable, Hashable, CaseIterable {
      case always
      /// Only if a certificate of the signer's has expired.
      case afterCertExpiry
    }

    public enum Identities: Sendable, Hashable {
      /// Whoever has a certificate by a trusted authority.
      case all
      case some([NotationIdentity])
    }

    public let name: String
    public let scope: Scope
    public let level: NotationVerificationLevel
    /// Whether time stamps are asked for at all, the presence of a store of the kind `tsa` says.
    public let timestampUse: TimestampUse
    /// Empty if the level is `skip`, and only then.
    public let trustStores: [NotationTrustStore]
    public let identities: Identities
  }

  /// In their order; names and scopes are unique.
  public let statements: [Statement]

  /// - Parameters:
  ///   - bytes: JSON, without anything that the specification does not know.
  ///   - place: the file, for messages.
  /// - Throws: `TrustError.unusable`, with the property's path in the reason
  public init(parsing bytes: [UInt8], from place: String) throws(TrustError) {
    do throws(Refusal) {
      guard bytes.count <= Self.maximumSize else {
        throw Refusal("it has more than \(Self.maximumSize) bytes")
      }
      let document: OrderedJSON
      do { document = try OrderedJSON(strictlyParsing: bytes, what: "it") } catch {
        throw Refusal("\(error)")
      }
      statements = try NotationTrustPolicyReader.statements(document)
    } catch {
      throw .unusable(what: "the notation trust policy \(place)", reason: error.description)
    }
  }

  /// The statement that applies to a repository's images; nil if none does, and no signature can be good.
  /// - Parameter repository: with its registry, as in a reference. A host's name is the same in capitals.
  public func statement(for repository: String) -> Statement? {
    let repository = repository.lowercased()
    func isFor(_ statement: Statement) -> Bool {
      if case .repositories(let names) = statement.scope { return names.contains(repository) }
      return false
    }
    return statements.first(where: isFor) ?? statements.first { $0.scope == .all }
  }
}
