import ImageTransfer
import Trust

extension RemoteRepository {
  /// The list of the repository's tags that its registry signs (Kontor's extension `_kontor/tags/signed`, docs/trust.md), not
  /// verified yet. A mirror that has none is passed over.
  /// - Returns: nil if the registry has none, or does not know the repository.
  public func signedTagList() throws -> [UInt8]? {
    let what = "the signed list of the tags of \(name)"
    do {
      return try reading(what) { client in
        let response = try client.send(
          .init(
            target: .path(path("/_kontor/tags/signed", at: client)),
            headers: [("Accept", TagList.mediaType.description)], scopes: scopes(of: client)))
        guard response.head.status == 200 else { throw response.failure(what) }
        guard let bytes = try response.collect(upTo: TagList.maximumSize) else {
          throw TransferError.failed("\(what) has more than \(TagList.maximumSize) bytes")
        }
        return bytes
      }
    } catch TransferError.notFound {
      return nil
    }
  }
}
