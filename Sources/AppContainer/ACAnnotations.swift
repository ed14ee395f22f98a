import ContainerImage

/// What an image says about itself beyond how it runs, in its order (appc 0.8.11, aci.md, `annotations`). Names are unique;
/// `created` is a time, `homepage` and `documentation` are web addresses.
public struct ACAnnotations: Sendable, Hashable {
  public struct Annotation: Sendable, Hashable {
    public let name: ACIdentifier
    public let value: String

    public init(name: ACIdentifier, value: String) {
      self.name = name
      self.value = value
    }
  }

  public let annotations: [Annotation]

  /// None.
  public init() { annotations = [] }

  /// - Throws: `AppContainerError.malformed`
  public init(_ annotations: [Annotation]) throws(AppContainerError) {
    var names: Set<ACIdentifier> = []
    for annotation in annotations {
      guard names.insert(annotation.name).inserted else {
        throw .malformed("the annotation \(annotation.name) is there twice")
      }
      switch annotation.name {
      case Self.created where RFC3339Time(annotation.value) == nil:
        throw .malformed(
          "the annotation created has the value \(annotation.value.quotedForMessage): expected a time such as "
            + "2015-05-18T13:49:28-04:00 (RFC 3339)")
      case Self.homepage where !Self.isWebAddress(annotation.value),
        Self.documentation where !Self.isWebAddress(annotation.value):
        throw .malformed(
          "the annotation \(annotation.name) has the value \(annotation.value.quotedForMessage): expected an "
            + "http or https URL")
      default: break
      }
    }
    self.annotations = annotations
  }

  public subscript(name: ACIdentifier) -> String? { annotations.first { $0.name == name }?.value }

  public static let created = ACIdentifier("created")
  public static let authors = ACIdentifier("authors")
  public static let homepage = ACIdentifier("homepage")
  public static let documentation = ACIdentifier("documentation")

  /// The scheme, and no character that a URL may not have.
  private static func isWebAddress(_ text: String) -> Bool {
    guard let colon = text.firstIndex(of: ":"), ["http", "https"].contains(text[..<colon].lowercased()) else {
      return false
    }
    return text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
  }
}

extension ACAnnotations {
  init(_ fields: ManifestFields, _ name: String) throws(AppContainerError) {
    var annotations: [Annotation] = []
    for object in try fields.objects(name) {
      annotations.append(
        Annotation(
          name: try object.requiredParsed("name", ACIdentifier.init(parsing:)),
          value: try object.requiredString("value")))
    }
    do {
      try self.init(annotations)
    } catch {
      throw fields.failure(name, "\(error)")
    }
  }

  var json: OrderedJSON { .array(annotations.map { .nameAndValue($0.name.description, .string($0.value)) }) }
}

extension OrderedJSON {
  /// `{"name": …, "value": …}`, of which manifests have lists.
  static func nameAndValue(_ name: String, _ value: OrderedJSON) -> OrderedJSON {
    .object([Member(name: "name", value: .string(name)), Member(name: "value", value: value)])
  }

  static func strings(_ texts: [String]) -> OrderedJSON { .array(texts.map { .string($0) }) }

  /// Sorted by name, so that equal values give the same bytes.
  static func dictionary(_ texts: [String: String]) -> OrderedJSON {
    .object(texts.sorted { $0.key < $1.key }.map { Member(name: $0.key, value: .string($0.value)) })
  }
}
