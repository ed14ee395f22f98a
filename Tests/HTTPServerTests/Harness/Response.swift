/// What a server sent.
struct Response: Sendable {
  let version: String
  let status: Int
  let headers: [(name: String, value: String)]
  var body: [UInt8] = []

  /// - Parameter head: the lines without their ends.
  init(head: [String]) throws {
    let parts = (head.first ?? "").split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, parts[0].hasPrefix("HTTP/"), let status = Int(parts[1]) else {
      throw ClientError.notHTTP(head.first ?? "nothing")
    }
    self.version = String(parts[0])
    self.status = status
    self.headers = try head.dropFirst().map { line in
      guard let colon = line.firstIndex(of: ":") else { throw ClientError.notHTTP(line) }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      return (line[..<colon].lowercased(), String(value))
    }
  }

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The header's one value; nil if there is none or more than one.
  subscript(name: String) -> String? {
    let values = headers.filter { $0.name == name.lowercased() }
    return values.count == 1 ? values[0].value : nil
  }
}
