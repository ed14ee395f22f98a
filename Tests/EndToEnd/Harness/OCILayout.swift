import Crypto
import Foundation

/// An OCI image layout in a directory (image-spec, `image-layout.md`).
struct OCILayout: Sendable {
  struct Descriptor: Codable, Equatable, Sendable {
    struct Platform: Codable, Equatable, Sendable {
      var architecture: String
      var os: String
    }
    var mediaType: String
    var digest: String
    var size: Int
    var platform: Platform?
    var artifactType: String?
    var annotations: [String: String]?
  }

  /// A manifest or an index, as far as the tests look into one.
  struct Manifest: Codable, Sendable {
    var schemaVersion = 2
    var mediaType: String?
    var artifactType: String?
    var config: Descriptor?
    var layers: [Descriptor]?
    var manifests: [Descriptor]?
    var subject: Descriptor?
    var annotations: [String: String]?
  }

  enum MediaType {
    static let manifest = "application/vnd.oci.image.manifest.v1+json"
    static let index = "application/vnd.oci.image.index.v1+json"
    static let config = "application/vnd.oci.image.config.v1+json"
    static let layer = "application/vnd.oci.image.layer.v1.tar+gzip"
    static let empty = "application/vnd.oci.empty.v1+json"
  }

  struct NoSuchTag: Error { var tag: String }

  let path: String

  func index() throws -> Manifest {
    try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: URL(filePath: "\(path)/index.json")))
  }

  func descriptor(tag: String) throws -> Descriptor {
    let name = "org.opencontainers.image.ref.name"
    guard let found = try index().manifests?.first(where: { $0.annotations?[name] == tag }) else {
      throw NoSuchTag(tag: tag)
    }
    return found
  }

  func blob(_ digest: String) throws -> Data {
    let file = digest.replacing(":", with: "/")
    return try Data(contentsOf: URL(filePath: "\(path)/blobs/\(file)"))
  }

  func manifest(_ digest: String) throws -> Manifest {
    try JSONDecoder().decode(Manifest.self, from: blob(digest))
  }

  /// Stores a manifest's canonical JSON and names it `tag`.
  func add(_ manifest: Manifest, tag: String) throws {
    let bytes = try manifest.encoded()
    let digest = sha256(bytes)
    try bytes.write(to: URL(filePath: "\(path)/blobs/\(digest.replacing(":", with: "/"))"))
    var index = try index()
    index.manifests?.append(
      Descriptor(
        mediaType: manifest.mediaType ?? MediaType.manifest, digest: digest, size: bytes.count,
        annotations: ["org.opencontainers.image.ref.name": tag]))
    try index.encoded().write(to: URL(filePath: "\(path)/index.json"))
  }
}

extension OCILayout.Manifest {
  /// The manifest's bytes, the same for equal values.
  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

extension OCILayout.Descriptor {
  /// Describes `content`.
  init(_ content: Data, mediaType: String) {
    self.init(mediaType: mediaType, digest: sha256(content), size: content.count)
  }
}

/// `sha256:` and the hash in lower-case hexadecimal.
func sha256(_ data: Data) -> String { "sha256:" + hexadecimal(SHA256.hash(data: data)) }

/// `sha512:` and the hash in lower-case hexadecimal.
func sha512(_ data: Data) -> String { "sha512:" + hexadecimal(SHA512.hash(data: data)) }

private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
  return String(decoding: text, as: UTF8.self)
}
