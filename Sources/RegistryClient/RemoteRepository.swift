import ContainerImage
import ImageTransfer
import Synchronization

/// One repository of a registry, asked at the registry itself or, for reading, at its mirrors first.
///
/// Every function blocks its thread, and may be called by several threads at once. All throw `TransferError`.
public final class RemoteRepository: Sendable {
  public let reference: ImageReference
  let operation: RegistryOperation
  /// In the order in which they are asked.
  let clients: [EndpointClient]
  let options: ClientOptions
  let pool: ConnectionPool
  let proxies: ProxySettings

  init(
    _ reference: ImageReference, _ operation: RegistryOperation, _ clients: [EndpointClient],
    pool: ConnectionPool, proxies: ProxySettings, options: ClientOptions
  ) {
    self.reference = reference
    self.operation = operation
    self.clients = clients
    self.pool = pool
    self.proxies = proxies
    self.options = options
  }

  /// For messages: the registry and the repository.
  var name: String { "\(reference.registry)/\(reference.repository)" }

  /// What a token has to allow.
  func scopes(of client: EndpointClient) -> [String] {
    let actions = operation == .push ? "pull,push" : "pull"
    return ["repository:\(client.endpoint.reference.repository):\(actions)"]
  }

  /// A path below the repository's.
  func path(_ rest: String, at client: EndpointClient) -> String {
    "/\(client.endpoint.reference.repository)\(rest)"
  }

  /// Asks one server after another until one has what is wanted. A mirror that fails is passed over, and one that cannot be
  /// reached is not asked again.
  func reading<Value>(_ what: String, _ body: (EndpointClient) throws -> Value) throws -> Value {
    var firstFailure: (any Error)?
    for (number, client) in clients.enumerated() {
      if client.endpoint.isMirror, client.isUnreachable, number < clients.count - 1 { continue }
      do {
        return try Self.translating(what) { try body(client) }
      } catch TransferError.cancelled {
        throw TransferError.cancelled
      } catch {
        // The registry's own word counts, and it comes last; a mirror's is only of interest if there is no other.
        if !client.endpoint.isMirror { throw error }
        firstFailure = firstFailure ?? error
      }
    }
    throw firstFailure ?? TransferError.failed("no server may be asked for \(what)")
  }

  /// The server that takes changes: the first that the settings give for pushing.
  func writing<Value>(_ what: String, _ body: (EndpointClient) throws -> Value) throws -> Value {
    guard let client = clients.first else { throw TransferError.failed("no server may be asked for \(what)") }
    return try Self.translating(what) { try body(client) }
  }

  /// Runs `body` and puts its errors in words for the user.
  static func translating<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let failure as ConnectionFailure {
      throw failure.transferError(what)
    } catch let failure as AuthenticationFailure {
      let says = failure.message.map { " (\($0))" } ?? ""
      throw failure.status == 401 || failure.status == 403
        ? TransferError.denied(
          "\(what): the token service \(failure.service) refused the login with status \(failure.status)\(says): "
            + "log in with 'kontor login'")
        : TransferError.failed(
          "\(what): the token service \(failure.service) answered with status \(failure.status)\(says)")
    } catch let error as SettingsError {
      throw error.transferError
    } catch let error as InvalidValue {
      throw TransferError.failed("\(what): \(error)")
    }
  }
}

extension ConnectionFailure {
  func transferError(_ what: String) -> TransferError {
    switch kind {
    case .cancelled: .cancelled
    case .noTLS:
      .failed(
        "\(what): the server does not speak TLS (\(reason)): for a registry without it, use --plain-http")
    case .untrusted:
      .failed(
        "\(what): the server's certificate is not trusted (\(reason)): put its authority into "
          + "/etc/docker/certs.d/HOST:PORT/ca.crt, or name it with --ca-cert")
    case .network, .invalid: .failed("\(what): \(reason)")
    }
  }
}

extension ClientResponse {
  /// An answer that is not what was asked for, in words for the user.
  /// - Parameter isLookUp: whether 404 says that the thing is not there.
  func failure(_ what: String, isLookUp: Bool = true) -> TransferError {
    let body = (try? collect(upTo: 64 << 10)) ?? nil
    let answer = RegistryAnswer(status: head.status, body: body ?? [])
    switch head.status {
    case 401:
      return .denied(
        "\(what): the registry wants to know who asks, \(answer.explanation): log in with 'kontor login'")
    case 403: return .denied("\(what): the registry does not allow it, \(answer.explanation)")
    case 404 where isLookUp: return .notFound("\(what) is not there, \(answer.explanation)")
    case 429:
      return .failed("\(what): the registry asks for patience, \(answer.explanation): try again later")
    // Such as a quota.
    case _ where answer.code == "DENIED":
      return .denied("\(what): the registry refuses it, \(answer.explanation)")
    default:
      let hint = answer.message == nil ? ": is this a registry?" : ""
      return .failed(
        "\(what): the registry answered with \(answer.explanation)\(head.status < 500 ? hint : "")")
    }
  }
}
