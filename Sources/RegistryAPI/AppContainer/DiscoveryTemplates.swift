import AppContainer
import ContainerImage

/// The HTML in which clients of appc look for where images, signatures and keys are (appc 0.8.11, discovery.md), and where
/// acpush sends them.
struct DiscoveryTemplates {
  /// The name that was asked for, to which the templates are limited.
  let name: ACIdentifier
  /// `SCHEME://HOST[:PORT]`, as the client reached this server.
  let origin: String
  /// Fingerprints.
  let keys: [String]

  var html: String {
    let base = "\(origin)/aci/"
    // The first that a client can fill in counts: mostly it knows its system.
    let templates = ["{name}/{version}/{os}/{arch}/image.{ext}", "{name}/{version}/any.{ext}"]
    let lines =
      templates.map { ("ac-discovery", base + $0) }
      + keys.map { ("ac-discovery-pubkeys", "\(base)\(name)/keys/\($0).asc") }
      + [("ac-push-discovery", "\(base){name}/{version}/{os}/{arch}/push")]
    let tags = lines.map { #"    <meta name="\#($0)" content="\#(name) \#($1)">"# }
    return """
      <!DOCTYPE html>
      <html lang="en">
        <head>
          <meta charset="utf-8">
          <title>\(name)</title>
      \(tags.joined(separator: "\n"))
        </head>
        <body>
          <p>App Container Images named \(name) are found here: <code>rkt fetch \(name)</code>
        </body>
      </html>

      """
  }
}
