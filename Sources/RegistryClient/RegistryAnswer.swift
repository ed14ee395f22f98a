import ContainerImage
import FoundationEssentials

/// What a registry says when it does not do what was asked (distribution-spec, section "Error Codes").
struct RegistryAnswer {
  let status: Int
  /// The first error's code, if the body is an error document.
  let code: String?
  /// For the user; nil if the body is no error document.
  let message: String?

  private static let longestMessage = 300

  init(status: Int, body: [UInt8]) {
    self.status = status
    let error = (try? JSONDecoder().decode(Document.self, from: Data(body)))?.errors?.first
    code = error?.code
    message = error.map { error in
      let text = [error.code, error.message].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ")
      return String(
        text.prefix(Self.longestMessage).unicodeScalars.filter { $0.properties.generalCategory != .control }
          .map(Character.init))
    }
  }

  /// The message of an error document.
  static func message(_ body: [UInt8]) -> String? { RegistryAnswer(status: 0, body: body).message }

  /// The status with what the registry says to it.
  var explanation: String {
    if let message, !message.isEmpty { return "status \(status) (\(message))" }
    return "status \(status)"
  }

  private struct Document: Decodable {
    struct Entry: Decodable {
      var code: String?
      var message: String?
    }
    var errors: [Entry]?
  }
}
