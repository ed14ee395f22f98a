import Archive
import ContainerImage
import ImageTransfer

/// What the headers of an archive say: where its documents and blobs are.
struct TransferArchiveScan {
  private(set) var blobs: [Digest: Extent] = [:]
  private var documents: [String: Extent] = [:]
  private let file: OpenFile

  /// The entries that are no blobs, with how many bytes each may have.
  private static let limits = [
    "oci-layout": 4096, "index.json": TransferArchive.largestIndex,
    OmittedBlobsFile.name: OmittedBlobsFile.largest,
  ]

  /// - Throws: `TransferError.notAnImage`
  init(_ file: OpenFile, _ limits: UnpackLimits) throws {
    self.file = file
    var isOfDocker = false
    do {
      try TarScan.forEachFile(in: file.descriptor, limits: limits) { entry, offset in
        guard let name = ImageArchive.name(entry.path) else { return }
        let extent = Extent(offset: offset, size: entry.size)
        if Self.limits[name] != nil {
          guard documents.updateValue(extent, forKey: name) == nil else {
            throw TransferError.notAnImage("\(file.path) is ambiguous: it has \(name) twice")
          }
        } else if let digest = OCIArchiveImport.digest(of: name) {
          // Whichever it is, it has to be what its name says.
          if blobs[digest] == nil { blobs[digest] = extent }
        } else if name == "manifest.json" {
          isOfDocker = true
        }
      }
    } catch ArchiveError.notAnArchive(let reason) {
      throw TransferError.notAnImage(
        "\(file.path) is no uncompressed tar archive: \(reason); for a compressed one use oci-archive:\(file.path)"
      )
    } catch ArchiveError.damaged(_, let reason) {
      throw TransferError.notAnImage(
        "\(file.path) is cut off or damaged: \(reason); bring the archive over again, whole")
    } catch let error as ArchiveError {
      throw error.transferError
    }
    guard documents["index.json"] != nil else {
      throw TransferError.notAnImage(
        "\(file.path) has no index.json, which comes last: it is cut off, or no archive of images"
          + (isOfDocker ? "; it looks like one of Docker's: use docker-archive:\(file.path)" : ""))
    }
    guard let marker = try contents("oci-layout") else {
      throw TransferError.notAnImage("\(file.path) has no oci-layout: it is no archive of images")
    }
    guard OCILayout.isKnown(marker: marker) else {
      throw TransferError.notAnImage(
        "\(file.path) is an OCI image layout of a version that is not understood")
    }
  }

  /// What the index lists.
  /// - Throws: `TransferError.notAnImage`
  func index() throws -> [Descriptor] {
    do {
      return try Manifest(parsing: try contents("index.json") ?? [], contentType: .ociImageIndex).manifests
    } catch let error as InvalidValue {
      throw TransferError.notAnImage("index.json in \(file.path): \(error)")
    }
  }

  /// - Throws: `TransferError.notAnImage`
  func omitted() throws -> [Digest: OmittedBlob] {
    guard let bytes = try contents(OmittedBlobsFile.name) else { return [:] }
    let listed = try OmittedBlobsFile(parsing: bytes, of: file.path).omitted
    return Dictionary(listed.map { ($0.digest, $0) }) { first, _ in first }
  }

  private func contents(_ name: String) throws -> [UInt8]? {
    guard let extent = documents[name] else { return nil }
    guard let limit = Self.limits[name], extent.size <= limit else {
      throw TransferError.notAnImage("\(name) in \(file.path) has \(extent.size) bytes, which is too much")
    }
    var bytes = [UInt8](repeating: 0, count: Int(extent.size))
    var done = 0
    while done < bytes.count {
      let count = try bytes.withUnsafeMutableBytes { buffer in
        try file.read(
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: extent.offset + Int64(done))
      }
      guard count > 0 else { throw TransferError.notAnImage("\(file.path) is cut off in \(name)") }
      done += count
    }
    return bytes
  }
}
