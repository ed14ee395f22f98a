import ContainerImage
import FoundationEssentials

/// Who has to sign the tag lists of the repositories in a scope: an entry of a policy's `kontor.freshness`.
public struct TagListRequirement: Sendable {
  /// Where it stands in the policy.
  public let place: String
  /// Never empty.
  let keys: [PublicKey]

  /// - Throws: what makes the list count for nothing, as the rest of a sentence about it.
  private func checked(
    _ envelope: [UInt8], of repository: ImageReference, at now: Date
  ) throws(Refusal) -> VerifiedTagList {
    guard envelope.count <= TagList.maximumSize else {
      throw Refusal("it has more than \(TagList.maximumSize) bytes")
    }
    let document: OrderedJSON
    do { document = try OrderedJSON(strictlyParsing: envelope, what: "its envelope") } catch {
      throw Refusal("\(error)")
    }
    let signed = try DSSEEnvelope(document)
    guard let key = keys.first(where: { $0.verifies(signed.content) }) else {
      throw Refusal("it was not signed by any of the keys that count here")
    }
    guard signed.payloadType == TagList.payloadType else {
      throw Refusal("its envelope holds a \(signed.payloadType.quotedForMessage), which is no tag list")
    }
    let list = try TagList(payload: signed.payload)
    guard list.repository.isLetterForLetter(repository.name) else {
      throw Refusal("it is of another repository, \(list.repository.quotedForMessage)")
    }
    guard now < list.expires else { throw Refusal("it expired at \(list.expires.isoText)") }
    return VerifiedTagList(
      list: list,
      mark: TagListMark(
        version: list.version, keyID: key.keyID, digest: Digest(.sha256, hashing: signed.payload)))
  }

  /// Judges a list.
  /// - Parameters:
  ///   - envelope: in JSON.
  ///   - repository: that was asked for its list.
  ///   - former: of the last list of the repository that was good.
  ///   - now: the present.
  public func judge(
    _ envelope: [UInt8], of repository: ImageReference, after former: TagListMark?, at now: Date
  ) -> TagListVerdict {
    do {
      let found = try checked(envelope, of: repository, at: now)
      // Who no longer trusts a key does not go by what it said, so that no number of its makes all later lists old.
      if let former, keys.contains(where: { $0.keyID == former.keyID }) {
        guard found.mark.version >= former.version else {
          throw Refusal(
            "its version is \(found.mark.version), older than \(former.version), which was seen before: this is a former state "
              + "of the repository")
        }
        guard found.mark.version > former.version || found.mark.digest == former.digest else {
          throw Refusal("another list with the same version, \(former.version), was seen before")
        }
      }
      return .good(found)
    } catch {
      return .bad("\(error)")
    }
  }
}

/// What a tag list is worth.
public enum TagListVerdict: Sendable, Hashable {
  case good(VerifiedTagList)
  /// The reason is the rest of a sentence whose subject is the list.
  case bad(String)
}

/// A tag list that counts.
public struct VerifiedTagList: Sendable, Hashable {
  public let list: TagList
  /// To be remembered.
  public let mark: TagListMark
}

/// What is remembered of a tag list, so that no earlier one is taken for the present one.
public struct TagListMark: Sendable, Hashable {
  public let version: Int64
  /// Of the key that signed it.
  public let keyID: String
  /// Of what was signed.
  public let digest: Digest

  public init(version: Int64, keyID: String, digest: Digest) {
    self.version = version
    self.keyID = keyID
    self.digest = digest
  }
}

extension PolicyReader {
  /// By scope; nil where no list is needed.
  mutating func freshness(_ node: JSONNode) throws(InvalidValue) -> [String: TagListRequirement?] {
    var table: [String: TagListRequirement?] = [:]
    for (scope, node) in try node.repositoryScopes() {
      let type = try node.string(of: "type")
      switch type {
      case "insecureAcceptAnything":
        _ = try node.members("type")
        table[scope] = .some(nil)
      case "signedTags":
        let members = try node.members("type", "keyPath", "keyPaths", "keyData", "keyDatas")
        var keys: [PublicKey] = []
        for key in try neededMaterial("key", of: members) {
          do { keys.append(try PublicKey(parsing: key.bytes)) } catch { throw key.failure("\(error)") }
        }
        table[scope] = TagListRequirement(place: node.place, keys: keys)
      default:
        throw node.failure(
          "there is no type \(type.quotedForMessage): expected signedTags or insecureAcceptAnything")
      }
    }
    return table
  }
}
