import AppContainer
import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

/// `aci://NAME`: an App Container Image that is found by its name, with all the images that it needs. Each is verified
/// by the keys that are trusted for its own name, and is the one that was asked for, before anything is made of it.
public struct DiscoveredACIImport: ImageImport {
  /// Finds an image and fetches it.
  /// - Parameters:
  ///   - limit: bytes of the image's file.
  ///   - write: takes the file's next bytes.
  /// - Returns: the signature; nil if there is none.
  public typealias Fetch =
    @Sendable (
      _ name: ACImageName, _ limit: Int64, _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> [UInt8]?

  private let name: ACImageName
  private let platform: Platform
  private let keys: KeyPrefixStore?
  private let fetch: Fetch

  /// - Parameters:
  ///   - platform: of the image, where its name says nothing about that.
  ///   - keys: nil if any image is taken, whoever made it.
  public init(_ name: ACImageName, platform: Platform, keys: KeyPrefixStore?, fetch: @escaping Fetch) {
    self.name = name
    self.platform = platform
    self.keys = keys
    self.fetch = fetch
  }

  public var description: String { "aci://\(name)" }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    try layout.create()
    let directory = "\(layout.path)/.fetched"
    try LocalFile.makeDirectories(directory)
    defer { TemporaryPath.remove(directory) }
    return try TransferError.translating("\(name)") {
      let reading = ACIReader.Limits(limits)
      var tree = ACITree<File>(limits: reading)
      try tree.resolve(try name.with(platform), explicit: name.labels) { name, limits in
        try check()
        return try get(name, into: directory, limits, check)
      }
      guard let top = tree.order.last?.image.source else {
        throw TransferError.notFound("\(name) was not found")
      }
      guard tree.order.count > 1 else {
        return try ACIFile(top.path).fill(layout, signature: top.signature, limits: reading, check: check)
      }
      let layers = try tree.layers(limits: reading, check: check) { try ACIFile($0.path).open() }
      guard let own = layers.last else { return nil }
      let conversion = try ACIToImage(own, dependencies: layers.dropLast())
      try layout.add(try ACIFile.write(conversion, layers, to: layout, check), name: ACIFile.layoutName)
      return ACIFile.layoutName
    }
  }

  /// An image's file that was fetched.
  private struct File: Sendable {
    let path: String
    let signature: [UInt8]?
  }

  /// Fetches an image and verifies its signature.
  private func get(
    _ name: ACImageName, into directory: String, _ limits: ACIReader.Limits, _ check: () throws -> Void
  ) throws -> ACITree<File>.Image {
    let path = "\(directory)/\(Digest(hashing: Array(name.description.utf8)).encoded)"
    var signature: [UInt8]?
    try LocalFile.make(path) { sink in
      signature = try fetch(name, limits.bytes) { bytes in
        try check()
        try sink.write(bytes)
      }
    }
    if let keys { try Self.verify(path, signature, name.name, by: keys) }
    let summary = try TransferError.translating("\(name)") {
      try ACIReader.summary(of: try ACIFile(path).open(), limits: limits)
    }
    return ACITree.Image(
      source: File(path: path, signature: signature), size: try LocalFile.size(path) ?? 0, summary: summary)
  }

  private static func verify(
    _ path: String, _ signature: [UInt8]?, _ name: ACIdentifier, by keys: KeyPrefixStore
  ) throws {
    let prefix: KeyPrefix
    do {
      prefix = try KeyPrefix(parsing: name.description)
    } catch {
      throw TransferError.notTrusted("no key can be trusted for \(name): \(error)")
    }
    let now = Date()
    let keyring = try keys.keyring(for: prefix, at: now)
    guard !keyring.keys.isEmpty else {
      throw TransferError.notTrusted(
        "no key is trusted for \(name): 'kontor aci trust --prefix \(name)' shows the keys that its host names"
      )
    }
    guard let signature else {
      throw TransferError.notTrusted("\(name) has no signature")
    }
    let reader = try ACIFile(path).open()
    do {
      switch try keyring.verify(signature, of: { try reader.read(into: $0) }, at: now) {
      case .good: return
      case .bad(let refusals):
        throw TransferError.notTrusted(
          "\(name) is not trusted: \(refusals.map(\.description).joined(separator: "; "))")
      }
    } catch let error as TrustError {
      throw TransferError.notTrusted("\(name) is not trusted: \(error)")
    }
  }
}
