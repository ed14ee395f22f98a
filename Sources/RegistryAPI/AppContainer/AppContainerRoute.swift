import AppContainer
import ContainerImage
import Registry

/// What a path below `/aci/` names: what discovery's templates lead to.
enum AppContainerRoute: Sendable, Equatable {
  enum File: String {
    case image = "aci"
    case signature = "aci.asc"
  }

  /// `NAME/VERSION/OS/ARCH/image.EXT`, or `NAME/VERSION/any.EXT` for an image that does not say what it runs on, or whatever
  /// this registry thinks best.
  case file(File, ACIQuery)
  /// `PREFIX/keys/FINGERPRINT.asc`
  case key(ACIdentifier, fingerprint: String)
  /// `NAME/VERSION/OS/ARCH/push`: acpush's.
  case push(ACIQuery)
  /// `push/ID/PART`
  case pushPart(id: String, ACIPushSessions.Part)

  /// - Parameter path: raw, from the request line.
  /// - Returns: nil for a path that is none of these.
  /// - Throws: `WireError` for a malformed name or label.
  init?(path: String) throws(WireError) {
    var parts = try Route.segments(of: path)[...]
    guard parts.popFirst() == "aci", let last = parts.popLast() else { return nil }
    if parts.count == 2, parts.first == "push", let id = parts.last,
      let part = ACIPushSessions.Part(rawValue: String(last))
    {
      self = .pushPart(id: String(id), part)
      return
    }
    if last == "push" {
      self = .push(try Self.query(parts, hasPlatform: true))
    } else if last.hasPrefix("image."), let file = File(rawValue: String(last.dropFirst(6))) {
      self = .file(file, try Self.query(parts, hasPlatform: true))
    } else if last.hasPrefix("any."), let file = File(rawValue: String(last.dropFirst(4))) {
      self = .file(file, try Self.query(parts, hasPlatform: false))
    } else if parts.popLast() == "keys", last.hasSuffix(".asc") {
      self = .key(try Self.name(parts), fingerprint: String(last.dropLast(4)))
    } else {
      return nil
    }
  }

  private static func query(
    _ parts: ArraySlice<Substring>, hasPlatform: Bool
  ) throws(WireError) -> ACIQuery {
    var parts = parts
    let architecture = hasPlatform ? parts.popLast() : nil
    let os = hasPlatform ? parts.popLast() : nil
    let version = parts.popLast()
    let name = try name(parts)
    do {
      return try ACIQuery(
        name: name, version: version.map(String.init), os: os.map(String.init),
        architecture: architecture.map(String.init))
    } catch {
      // What no image can have is not there.
      throw WireError(.notFound, .nameUnknown, "\(error)")
    }
  }

  private static func name(_ parts: ArraySlice<Substring>) throws(WireError) -> ACIdentifier {
    do {
      return try ACIdentifier(parsing: parts.joined(separator: "/"))
    } catch {
      throw WireError(.notFound, .nameInvalid, "\(error)")
    }
  }
}
