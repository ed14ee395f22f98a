import AppContainer
import Archive
import ContainerImage
import ImageTransfer
import Storage

/// What an App Container Image becomes as an OCI image, before any of it is written.
struct RenderedACI: Sendable {
  let summary: ACIReader.Summary
  /// Nil if it cannot become one.
  let conversion: ACIToImage?
  /// Of the images that it needs, and its own; none without a conversion.
  let layers: [ACILayer]
  /// Why there is no conversion, as a sentence's rest.
  let reason: String?
}

extension AppContainerService {
  /// Reads an ACI that is pushed, to its end, and those that it needs, which have to be in this registry.
  ///
  /// What is needed from another host is that host's to give, and may be another image tomorrow; clients find it there,
  /// and nothing is made here.
  /// - Parameters:
  ///   - size: bytes of the image's file.
  ///   - open: gives the image's file from its start.
  /// - Throws: `ACIRefusal`, `AppContainerError`, `ArchiveError`, `StorageError`
  func render(
    _ query: ACIQuery, size: Int64, _ open: @escaping @Sendable () throws -> any BlobReader
  ) async throws -> RenderedACI {
    while true {
      do {
        return try await onThreadOfItsOwn { [self] in try renderFromStore(query, size: size, open) }
      } catch let needed as UnconvertedImage {
        do {
          _ = try await convert(needed.image)
        } catch let error as ACIRefusal {
          throw ACIRefusal.invalid("the image needs \(needed.name): \(error)")
        }
      }
    }
  }

  /// An image that is needed, and is not an ACI yet.
  private struct UnconvertedImage: Error {
    let name: ACImageName
    let image: ImageToConvert
  }

  private enum Source: Sendable {
    case upload
    case blob(Digest)
  }

  private func renderFromStore(
    _ query: ACIQuery, size: Int64, _ open: @escaping @Sendable () throws -> any BlobReader
  ) throws -> RenderedACI {
    do {
      let layer = try ACILayer(open: open)
      try Self.check(layer.summary.manifest, against: query)
      guard !layer.summary.manifest.dependencies.isEmpty else {
        let conversion = try ACIToImage(layer, dependencies: [])
        return RenderedACI(summary: layer.summary, conversion: conversion, layers: [layer], reason: nil)
      }
      return try render(layer.summary, size: size, query, open)
    } catch AppContainerError.notConvertible(let reason) {
      let summary = try ACIReader.summary(of: open())
      try Self.check(summary.manifest, against: query)
      return RenderedACI(summary: summary, conversion: nil, layers: [], reason: reason)
    }
  }

  private func render(
    _ summary: ACIReader.Summary, size: Int64, _ query: ACIQuery,
    _ open: @escaping @Sendable () throws -> any BlobReader
  ) throws -> RenderedACI {
    let name = ACImageName(name: query.name, labels: query.labels)
    var tree = ACITree<Source>(limits: ACIReader.Limits())
    try tree.resolve(name, explicit: name.labels) { needed, limits in
      if needed.name == name.name, Set(needed.labels.labels) == Set(name.labels.labels) {
        return ACITree.Image(source: .upload, size: size, summary: summary)
      }
      let digest = try find(needed)
      let found = try ACIReader.summary(of: StoredBlobReader(digest, in: store.blobs), limits: limits)
      return ACITree.Image(
        source: .blob(digest), size: try store.blobs.size(of: digest) ?? 0, summary: found)
    }
    let blobs = store.blobs
    let layers = try tree.layers(limits: ACIReader.Limits()) { source in
      switch source {
      case .upload: try open()
      case .blob(let digest): try StoredBlobReader(digest, in: blobs)
      }
    }
    // The last one is the image itself.
    let conversion = try layers.last.map { try ACIToImage($0, dependencies: layers.dropLast()) }
    return RenderedACI(summary: summary, conversion: conversion, layers: layers, reason: nil)
  }

  /// The file of an image that another one needs.
  /// - Throws: `UnconvertedImage`, `ACIRefusal.invalid` if it should be here and is not, `AppContainerError.notConvertible` if it
  ///   is another host's.
  private func find(_ name: ACImageName) throws -> Digest {
    guard configuration.hosts.repository(of: name.name) != nil else {
      throw AppContainerError.notConvertible(reason: "it needs \(name), which is no image of this registry")
    }
    let query = try ACIQuery(
      name: name.name, version: name.labels.version, os: name.labels.os,
      architecture: name.labels.architecture)
    do {
      switch try find(query) {
      case .pushed(let image, _, _): return image
      case .converted(let converted, _): return converted.blob
      case .image(let image): throw UnconvertedImage(name: name, image: image)
      }
    } catch ACIRefusal.notFound {
      throw ACIRefusal.invalid("the image needs \(name), which is not in this registry: push that one first")
    }
  }
}
