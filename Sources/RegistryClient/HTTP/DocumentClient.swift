/// Gets small documents from the web, such as the keys of an issuer: with this user's proxies and certificates, through
/// redirects, though never to less than TLS.
public final class DocumentClient: Sendable {
  private let client: WebClient

  /// In words for an operator.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// - Throws: `SettingsError`
  public init(_ environment: UserEnvironment, options: ClientOptions) throws(SettingsError) {
    client = try WebClient(environment, options: options, usesCredentials: false)
  }

  /// Blocks until it is there.
  /// - Parameter limit: bytes.
  public func document(at address: String, upTo limit: Int) throws(Failure) -> [UInt8] {
    guard let url = client.url(address) else { throw Failure(description: "\(address) has no TLS") }
    do {
      let response = try client.get(url, headers: [("Accept", "application/json")])
      guard response.head.status == 200 else {
        response.discard()
        throw Failure(description: "\(address) answers with the status \(response.head.status)")
      }
      guard let bytes = try response.collect(upTo: limit) else {
        throw Failure(description: "\(address) has more than \(limit) bytes")
      }
      return bytes
    } catch let failure as ConnectionFailure {
      throw Failure(description: "\(address) cannot be had: \(failure.reason)")
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(description: "\(address) cannot be had: \(error)")
    }
  }
}
