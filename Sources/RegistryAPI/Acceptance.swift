import ContainerImage
import NIOHTTP1

/// Which manifest types a client takes, by its `Accept` headers (RFC 9110, section 12.5.1). Weights are not
/// compared, for there is one manifest to give; a weight of zero refuses.
struct Acceptance {
  private let accepted: [MediaType]
  private let acceptsAll: Bool

  init(_ headers: HTTPHeaders) {
    var accepted: [MediaType] = []
    var acceptsAll = true
    for value in headers[canonicalForm: "accept"] {
      let parts = value.split(separator: ";")
      let isRefused = parts.dropFirst().contains { part in
        let text = part.filter { $0 != " " }
        return text.hasPrefix("q=0") && text.dropFirst(3).allSatisfy { $0 == "." || $0 == "0" }
      }
      if isRefused { continue }
      let type = MediaType(header: String(value))
      if type.description == "*/*" || type.description == "application/*" {
        self.accepted = []
        self.acceptsAll = true
        return
      }
      acceptsAll = false
      accepted.append(type)
    }
    self.accepted = accepted
    self.acceptsAll = acceptsAll
  }

  func accepts(_ type: MediaType) -> Bool { acceptsAll || accepted.contains(type) }

  /// Whether the client takes indexes of any sort: those that do choose the platform themselves.
  var acceptsIndexes: Bool { acceptsAll || accepted.contains(where: \.isIndex) }
}
