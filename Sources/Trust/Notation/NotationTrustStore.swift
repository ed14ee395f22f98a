import ContainerImage
import FoundationEssentials
import X509

/// The name of a collection of trusted certificates: `ca:acme` (Notary Project, trust policy specification, `trustStores`).
public struct NotationTrustStore: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Authorities that issue certificates to signers.
    case ca
    /// Authorities that sign themselves, and vouch for the time.
    case signingAuthority
    /// Authorities that make time stamps; only roots.
    case tsa
  }

  public let kind: Kind
  /// A directory's name: `[a-zA-Z0-9_.-]+`.
  public let name: String

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])), Self.isFileName(parts[1]) else {
      throw .malformed(
        "\(text.quotedForMessage) is no trust store: expected ca:NAME, signingAuthority:NAME or tsa:NAME, with "
          + "letters, digits, '_', '.' and '-' in the name")
    }
    self.kind = kind
    name = String(parts[1])
  }

  private static func isFileName(_ text: Substring) -> Bool {
    !text.isEmpty && text != "." && text != ".."
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  public var description: String { "\(kind.rawValue):\(name)" }
}

/// Trusted certificates in their named collections.
public struct NotationTrustStores: Sendable {
  private var stores: [NotationTrustStore: [Certificate]] = [:]

  public init() {}

  /// Adds the certificates of a file.
  /// - Parameters:
  ///   - bytes: PEM or DER, at most 1 MiB.
  ///   - place: the file, for messages.
  /// - Throws: `TrustError.unusable`: there is none, or one that cannot be trusted in such a store: only authorities'
  ///   and self-signed ones can, and for time stamps only roots.
  public mutating func add(
    _ bytes: [UInt8], to store: NotationTrustStore, from place: String
  ) throws(TrustError) {
    do throws(Refusal) {
      let certificates = try Certificate.certificates(parsing: bytes)
      for certificate in certificates {
        let isRoot = certificate.isIssued(by: certificate)
        guard isRoot || (store.kind != .tsa && certificate.isAuthority) else {
          throw Refusal(
            "the certificate \(certificate.subjectForMessage) is "
              + (store.kind == .tsa ? "no root" : "neither an authority's nor signed by itself"))
        }
      }
      stores[store, default: []] += certificates
    } catch {
      throw .unusable(
        what: "the certificate file \(place) of the trust store \(store)", reason: error.description)
    }
  }

  /// Whether the store has a certificate.
  public func contains(_ store: NotationTrustStore) -> Bool { stores[store] != nil }

  func certificates(of names: [NotationTrustStore], kind: NotationTrustStore.Kind) -> [Certificate] {
    names.filter { $0.kind == kind }.flatMap { stores[$0] ?? [] }
  }
}

extension Certificate {
  fileprivate var isAuthority: Bool {
    if case .isCertificateAuthority = try? extensions.basicConstraints { return true }
    return false
  }
}
