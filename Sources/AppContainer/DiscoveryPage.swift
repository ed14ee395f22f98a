/// A page that says where images and keys are (appc 0.8.11, discovery.md, "Discovery Templates").
public struct DiscoveryPage: Sendable, Hashable {
  /// Where an image and its signature are.
  public struct Endpoint: Sendable, Hashable {
    public let image: String
    public let signature: String

    public init(image: String, signature: String) {
      self.image = image
      self.signature = signature
    }
  }

  /// `<meta name="ac-…" content="PREFIX VALUE">`
  private struct Statement: Hashable {
    let prefix: String
    let value: String
  }

  private let templates: [Statement]
  private let keyLocations: [Statement]

  /// A label that templates mostly need (discovery.go, `defaultVersion`).
  private static let defaultVersion = "latest"

  /// - Parameter html: anything. What is no such tag is passed over.
  public init(html: [UInt8]) {
    var templates: [Statement] = []
    var keyLocations: [Statement] = []
    for tag in HTMLMetaTags(html) {
      let content = (tag["content"] ?? "").split(maxSplits: 1, whereSeparator: \.isWhitespace)
      guard content.count == 2 else { continue }
      let value = String(content[1].drop(while: \.isWhitespace).trimmedAtEnd)
      let statement = Statement(prefix: String(content[0]), value: value)
      switch tag["name"] {
      case "ac-discovery": templates.append(statement)
      case "ac-discovery-pubkeys": keyLocations.append(statement)
      default: continue
      }
    }
    self.templates = templates
    self.keyLocations = keyLocations
  }

  /// Where the image may be, in the page's order. A template that has variables for which the name has no label is passed
  /// over. Prefixes are compared letter by letter, as appc's own client does.
  public func endpoints(for image: ACImageName) -> [Endpoint] {
    var values = ["name": image.name.description]
    for label in image.labels.labels { values[label.name.description] = label.value }
    if values["version"] ?? "" == "" { values["version"] = Self.defaultVersion }
    return templates.compactMap { template in
      guard image.name.description.hasPrefix(template.prefix) else { return nil }
      func render(_ type: String) -> String? {
        Self.render(template.value, values.merging(["ext": type]) { own, _ in own })
      }
      guard let image = render("aci"), let signature = render("aci.asc") else { return nil }
      return Endpoint(image: image, signature: signature)
    }
  }

  /// Where the public keys are for a name or the beginning of names.
  public func keys(for name: ACIdentifier) -> [String] {
    keyLocations.filter { name.description.hasPrefix($0.prefix) }.map(\.value)
  }

  /// - Returns: nil if a variable has no value. Values are put in as they are, and are not looked at again.
  private static func render(_ template: String, _ values: [String: String]) -> String? {
    var result = ""
    var rest = template[...]
    while let start = rest.firstIndex(of: "{"), let end = rest[start...].firstIndex(of: "}") {
      guard let value = values[String(rest[rest.index(after: start)..<end])] else { return nil }
      result += rest[..<start] + value
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }
}

extension Substring {
  fileprivate var trimmedAtEnd: Substring {
    var text = self
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
