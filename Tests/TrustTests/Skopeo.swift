// The Debian packages these tests need: gnupg, skopeo

import ContainerImage
import Foundation
import Testing
import Trust

/// skopeo, which has the keys of a home directory of GnuPG's, and a registry for it to talk to.
struct Skopeo {
  static let program = "/usr/bin/skopeo"
  let gpg: GnuPG
  /// Its host and port.
  let registry: String

  /// - Parameter extension: whether the registry has the API extension for signatures.
  static func use<Result>(extension: Bool = true, _ body: (Skopeo) throws -> Result) throws -> Result {
    guard access(program, X_OK) == 0 else {
      throw GnuPG.Failure(description: "skopeo is not installed: apt-get install skopeo")
    }
    return try GnuPG.use { gpg in
      let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Materials/registry.py")
      let server = Process()
      server.executableURL = URL(filePath: try PythonMaterial.interpreter())
      server.arguments = ["-B", script.path, gpg.home] + (`extension` ? ["signatures"] : [])
      let output = Pipe()
      server.standardOutput = output
      try server.run()
      defer {
        // It may have come into being with other signals blocked, as the thread that made it had them.
        kill(server.processIdentifier, SIGKILL)
        server.waitUntilExit()
      }
      let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      guard let port = Int(port.trimmingCharacters(in: .newlines)) else {
        throw GnuPG.Failure(description: "the registry does not start")
      }
      return try body(Skopeo(gpg: gpg, registry: "127.0.0.1:\(port)"))
    }
  }

  static let acceptAnything = #"{"default":[{"type":"insecureAcceptAnything"}]}"#

  /// - Parameter policy: of `policy.json`.
  @discardableResult
  func run(policy: String = acceptAnything, _ arguments: [String]) throws -> String {
    try gpg.write("policy.json", policy.utf8)
    let environment = ["GNUPGHOME": gpg.home, "HOME": gpg.home, "PATH": "/usr/bin:/bin", "TMPDIR": "/tmp"]
    let output = try gpg.runProgram(
      Self.program, ["--policy", "policy.json", "--registries.d", gpg.home] + arguments,
      environment: environment)
    return String(decoding: output, as: UTF8.self)
  }

  /// Whether it copies the image.
  /// - Parameter source: the reference of an image in the registry, or a place with a transport.
  func accepts(_ source: String, policy: String) -> Bool {
    let from = source.contains(":/") || source.hasPrefix("dir:") ? source : "docker://\(source)"
    defer { try? FileManager.default.removeItem(atPath: gpg.home + "/copied") }
    return (try? run(policy: policy, ["copy", "--src-tls-verify=false", from, "dir:copied"])) != nil
  }

  /// Puts an image into the registry.
  func push(_ image: TestManifest, as reference: ImageReference, _ options: String...) throws {
    let directory = "image-\(UInt32.random(in: .min ... .max))"
    try image.write(to: gpg.home + "/" + directory)
    try run(["copy", "--dest-tls-verify=false"] + options + ["dir:\(directory)", "docker://\(reference)"])
  }

  /// The signatures that the registry's API extension has.
  func signatures(of image: TestManifest, in reference: ImageReference) throws -> [[UInt8]] {
    let directory = signatureDirectory(of: image, in: reference)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return try names.sorted().map { try gpg.read("\(directory)/\($0)") }
  }

  func setSignatures(_ signatures: [[UInt8]], of image: TestManifest, in reference: ImageReference) throws {
    let directory = signatureDirectory(of: image, in: reference)
    try? FileManager.default.removeItem(atPath: directory)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for (index, signature) in signatures.enumerated() {
      try Data(signature).write(to: URL(filePath: "\(directory)/\(index + 1)"))
    }
  }

  private func signatureDirectory(of image: TestManifest, in reference: ImageReference) -> String {
    "\(gpg.home)/signatures/\(reference.repository)/\(image.digest)"
  }

  func reference(_ rest: String) throws -> ImageReference {
    try ImageReference(parsing: "\(registry)/\(rest)")
  }
}

/// An image without layers.
struct TestManifest {
  let config: [UInt8]
  let manifest: [UInt8]

  /// - Parameter name: makes it another one than others.
  init(_ name: String = "") {
    let config =
      #"{"architecture":"amd64","os":"linux","author":"\#(name)","config":{},"#
      + #""rootfs":{"type":"layers","diff_ids":[]}}"#
    self.config = Array(config.utf8)
    let manifest =
      #"{"schemaVersion":2,"mediaType":"\#(Self.mediaType)","config":{"mediaType":"#
      + #""application/vnd.oci.image.config.v1+json","digest":"\#(Digest(hashing: self.config))","#
      + #""size":\#(config.utf8.count)},"layers":[]}"#
    self.manifest = Array(manifest.utf8)
  }

  static let mediaType = "application/vnd.oci.image.manifest.v1+json"

  var digest: Digest { Digest(hashing: manifest) }

  /// As skopeo's transport `dir:` has it.
  func write(to directory: String, signatures: [[UInt8]] = []) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    var files = [
      "version": Array("Directory Transport Version: 1.1\n".utf8), "manifest.json": manifest,
      String(Digest(hashing: config).encoded): config,
    ]
    for (index, signature) in signatures.enumerated() { files["signature-\(index + 1)"] = signature }
    for (name, bytes) in files { try Data(bytes).write(to: URL(filePath: "\(directory)/\(name)")) }
  }

  func image(at place: PolicyPlace) throws -> PolicyImage {
    try PolicyImage(place, manifest: manifest, mediaType: MediaType(Self.mediaType))
  }

  func image(_ reference: String) throws -> PolicyImage {
    try image(at: .registry(ImageReference(parsing: reference)))
  }
}

/// Files in memory, for policies that name some.
func policyFiles(_ files: [String: [UInt8]] = [:]) -> PolicyFiles {
  PolicyFiles(
    read: { path in
      guard let bytes = files[path] else { throw GnuPG.Failure(description: "no such file") }
      return bytes
    },
    list: { path in
      let names = files.keys.filter { $0.hasPrefix(path + "/") }.map { String($0.dropFirst(path.count + 1)) }
      guard !names.isEmpty else { throw GnuPG.Failure(description: "no such directory") }
      return names.filter { !$0.contains("/") }
    })
}

extension Policy {
  init(_ text: String, _ files: [String: [UInt8]] = [:], at time: Date = now) throws {
    try self.init(parsing: Array(text.utf8), what: "policy.json", files: policyFiles(files), at: time)
  }
}
