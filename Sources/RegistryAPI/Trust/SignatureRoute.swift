import ContainerImage
import HTTPServer

/// Where signatures of simple signing are, which no manifest holds.
enum SignatureRoute: Sendable, Equatable {
  /// `/extensions/v2/NAME/signatures/DIGEST`, as Podman, skopeo and CRI-O ask a registry that says
  /// `X-Registry-Supports-Signatures` (containers/image, docs/signature-protocols.md).
  case list(RepositoryName, Digest)
  /// `/lookaside/NAME@ALGORITHM=HEX/signature-INDEX`, for `lookaside: https://HOST/lookaside` in their `registries.d`
  /// (docs/signature-protocols.md). Counts from 1.
  case lookaside(RepositoryName, Digest, index: Int)

  /// - Returns: nil for a path of something else.
  /// - Throws: `WireError` for a malformed name or digest.
  init?(path: String) throws(WireError) {
    guard path.hasPrefix("/extensions/v2/") || path.hasPrefix("/lookaside/") else { return nil }
    let parts = try Route.segments(of: path)
    if parts.starts(with: ["extensions", "v2"]), parts.count >= 5, parts[parts.count - 2] == "signatures" {
      self = .list(try Route.name(parts[2..<(parts.count - 2)]), try Route.digest(parts[parts.count - 1]))
      return
    }
    guard parts.first == "lookaside", parts.count >= 3, let last = parts.last,
      last.hasPrefix("signature-"), let index = Int(last.dropFirst("signature-".count)), index > 0
    else { return nil }
    var names = parts[1..<(parts.count - 1)]
    guard let image = names.popLast(), let at = image.lastIndex(of: "@"),
      let equals = image[at...].firstIndex(of: "=")
    else { return nil }
    names.append(image[..<at])
    let digest = image[image.index(after: at)..<equals] + ":" + image[image.index(after: equals)...]
    self = .lookaside(try Route.name(names), try Route.digest(digest[...]), index: index)
  }
}
