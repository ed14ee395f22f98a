import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

/// The extension by which some registries keep signatures of simple signing (containers/image, docs/signature-protocols.md).
extension RemoteRepository {
  private static let version = 2
  private static let type = "atomic"
  /// Bytes of a list. Signatures have some hundred each, and the limits on one and on their number are the policy's.
  private static let largestList = 16 << 20

  private struct List: Decodable {
    struct Entry: Decodable {
      var schemaVersion: Int?
      var type: String?
      var content: String?
    }
    var signatures: [Entry]?
  }

  /// - Returns: nil if the registry keeps none in this way.
  func storedSignatures(of digest: Digest) throws -> [[UInt8]]? {
    let what = "the signatures of \(name)@\(digest)"
    return try reading(what) { client in
      guard try hasSignatures(client) else {
        // The registry itself may keep them.
        if client.endpoint.isMirror { throw TransferError.notFound("\(what) are not at the mirror") }
        return nil
      }
      let response = try client.send(
        .init(target: .url(signaturesURL(of: digest, at: client)), scopes: scopes(of: client)))
      guard response.head.status == 200 else { throw response.failure(what) }
      guard let body = try response.collect(upTo: Self.largestList),
        let list = try? JSONDecoder().decode(List.self, from: Data(body))
      else { throw TransferError.failed("\(what): the registry's list cannot be read") }
      return (list.signatures ?? []).compactMap { entry in
        guard entry.schemaVersion == Self.version, entry.type == Self.type else { return nil }
        return entry.content.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
      }
    }
  }

  /// - Returns: whether the registry keeps signatures in this way; if not, nothing was done.
  func storeSignature(_ message: [UInt8], of digest: Digest) throws -> Bool {
    let what = "the signature of \(name)@\(digest)"
    return try writing(what) { client in
      guard try hasSignatures(client) else { return false }
      let id = UUID().uuidString.lowercased().replacing("-", with: "")
      var document = OrderedJSON.object([])
      document["schemaVersion"] = .literal("\(Self.version)")
      document["name"] = .string("\(digest)@\(id)")
      document["type"] = .string(Self.type)
      document["content"] = .string(Data(message).base64EncodedString())
      let body = Array(document.line.utf8)
      let response = try client.send(
        .init(
          method: "PUT", target: .url(signaturesURL(of: digest, at: client)),
          headers: [("Content-Type", "application/json")], body: { .bytes(body) }, scopes: scopes(of: client)
        ))
      guard response.head.status == 201 else {
        throw response.failure("\(what) was not taken", isLookUp: false)
      }
      response.discard()
      return true
    }
  }

  private func hasSignatures(_ client: EndpointClient) throws -> Bool {
    let response = try client.send(.init(target: .path("/"), scopes: scopes(of: client)))
    defer { response.discard() }
    return response.head["x-registry-supports-signatures"] == "1"
  }

  /// Asked after `hasSignatures`, when it is known whether the server speaks TLS.
  private func signaturesURL(of digest: Digest, at client: EndpointClient) -> ClientURL {
    let path = "/extensions/v2/\(client.endpoint.reference.repository)/signatures/\(digest)"
    return ClientURL(scheme: client.url("/").scheme, host: client.endpoint.host, path: path)
  }
}
