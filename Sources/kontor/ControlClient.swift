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

  /// Bytes of an answer: a line for each of a million tags.
  private static let longestAnswer = 256 << 20

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
      let body = try exchange.text(atMost: Self.longestAnswer)
      guard body.utf8.count < Self.longestAnswer else {
        throw Failure(
          message: "the server did what was asked, but its report is too long: ask for less at once")
      }
      return Answer(status: head.status, isAlarming: head["x-kontor-alarming"] == "true", body: body)
    } catch let failure as Failure {
      throw failure
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
