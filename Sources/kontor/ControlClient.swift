import LocalPrograms

/// Asks the server that has a data directory to do something to it, through the socket there.
struct ControlClient {
  struct Answer {
    let status: Int
    /// Whether something was found that a person has to look at.
    let isAlarming: Bool
    let body: String
  }

  private let path: String

  /// Bytes of an answer.
  private static let longestAnswer = 16 << 20

  init(data: String) {
    path = Self.socket(in: data)
  }

  static func socket(in data: String) -> String { data + "/control.sock" }

  /// - Parameter target: path and query.
  func post(_ target: String) throws(Failure) -> Answer {
    let exchange = SocketExchange(try connected())
    do {
      try exchange.send("POST", target)
      let head = try exchange.answer()
      return Answer(
        status: head.status, isAlarming: head["x-kontor-alarming"] == "true",
        body: try exchange.text(atMost: Self.longestAnswer))
    } catch {
      throw Failure(message: "the server at \(path) did not answer; see its log")
    }
  }

  private func connected() throws(Failure) -> UnixSocket {
    do throws(LocalProgramError) {
      return try UnixSocket(connectedTo: path)
    } catch .pathTooLong {
      throw Failure(
        message: "the path \(path) is too long for a socket: name the data directory by a shorter path")
    } catch {
      throw Failure(message: "a process has the data directory, but does not answer at \(path): \(error)")
    }
  }
}
