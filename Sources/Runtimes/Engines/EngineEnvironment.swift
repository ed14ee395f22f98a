import ImageTransfer
import LocalPrograms

#if canImport(Glibc)
  import Glibc
#endif

/// What a container engine is found by, and whether its user still waits for it.
public struct EngineEnvironment: Sendable {
  /// The process's own, which the engines' programs get as well.
  let variables: [String: String]
  private let isCancelled: @Sendable () -> Bool

  public init(variables: [String: String], isCancelled: @escaping @Sendable () -> Bool = { false }) {
    self.variables = variables
    self.isCancelled = isCancelled
  }

  /// A variable's value; an empty one counts as unset.
  subscript(variable: String) -> String? {
    guard let value = variables[variable], !value.isEmpty else { return nil }
    return value
  }

  /// - Throws: `TransferError.cancelled`
  func check() throws(TransferError) {
    if isCancelled() { throw .cancelled }
  }
}

/// The socket of an engine's daemon.
struct EngineSocket {
  let path: String
  /// What users call the engine.
  let engine: String
  /// What to do when nobody answers there, and when this user may not ask.
  let ifAbsent: String
  let ifDenied: String

  /// - Throws: `TransferError`
  func connect(_ environment: EngineEnvironment) throws(TransferError) -> UnixSocket {
    do throws(LocalProgramError) {
      return try UnixSocket(connectedTo: path) { try environment.check() }
    } catch {
      switch error {
      case .system(EACCES), .system(EPERM):
        throw .denied("\(engine)'s socket \(path) is not for this user: \(ifDenied)")
      default:
        throw .failed("\(engine) does not answer at \(path) (\(error)): \(ifAbsent)")
      }
    }
  }
}
