import Foundation
import Testing

/// Signatures and attestations of one of the test's images, as `TrustTests/Materials/signed_image.py` makes them.
struct SignedImage: Decodable {
  /// Keys and trust roots, by their names.
  var files: [String: String]
  /// Whom the certificate of the bundle and of the signature names.
  var identity: String
  var issuer: String
  /// Of all attestations but the one of "another kind".
  var predicateType: String
  var bundle: String
  /// A signature in the tag scheme.
  var payload: String
  var annotations: [String: String]
  /// By what is wrong with them.
  var attestations: [String: String]

  enum MediaType {
    static let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
    static let signature = "application/vnd.dev.cosign.simplesigning.v1+json"
    static let attestation = "application/vnd.dsse.envelope.v1+json"
  }

  /// - Parameters:
  ///   - name: what the signatures say of the repository.
  ///   - directory: gets the files.
  static func make(of manifest: Data, as name: String, in directory: String) async throws -> SignedImage {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let python =
      ProcessInfo.processInfo.environment["KONTOR_TEST_PYTHON"]
      ?? tests.deletingLastPathComponent().appending(path: ".venv-tests/bin/python").path
    let script = tests.appending(path: "TrustTests/Materials/signed_image.py").path
    let output = try await Tool.bash.run(
      "-c", #"exec "$@""#, "bash", python, "-B", script, name, input: manifest)
    let made = try JSONDecoder().decode(SignedImage.self, from: output.standardOutput)
    for (file, content) in made.files {
      try Data(content.utf8).write(to: URL(filePath: "\(directory)/\(file)"))
    }
    return made
  }

  func attestation(_ name: String) throws -> Data { Data(try #require(attestations[name]).utf8) }
}

extension PlainHTTP {
  /// Pushes an image whose layers are signatures.
  /// - Parameters:
  ///   - tag: nil for none.
  ///   - subject: what it refers to, as an artifact of the layers' type.
  func pushSignatures(
    _ repository: String, tag: String?, mediaType: String,
    _ signatures: [(content: Data, annotations: [String: String]?)], subject: OCILayout.Descriptor? = nil
  ) async throws -> Response {
    let config = Data("{}".utf8)
    for blob in [config] + signatures.map(\.content) {
      #expect(try await pushBlob(repository, blob).status == 201)
    }
    var manifest = OCILayout.Manifest(mediaType: OCILayout.MediaType.manifest)
    manifest.config = .init(config, mediaType: OCILayout.MediaType.config)
    manifest.layers = signatures.map { content, annotations in
      var layer = OCILayout.Descriptor(content, mediaType: mediaType)
      layer.annotations = annotations
      return layer
    }
    manifest.subject = subject
    if subject != nil { manifest.artifactType = mediaType }
    let bytes = try manifest.encoded()
    return try await pushManifest(repository, tag ?? sha256(bytes), bytes)
  }
}
