import ContainerImage
import Foundation
import ImageTransfer
import Synchronization
import Testing

@testable import Runtimes

/// What is made of an image when its user stops that.
@Suite struct StoppedExportTests {
  @Test(
    "wherever it is stopped, nothing is left at the place, and what came stays for the next time",
    arguments: ["rootfs", "rootfs-tar", "docker-archive", "oci-archive"])
  func stopped(form: String) async throws {
    try await withDirectory { directory in
      let places = "\(directory)/places"
      try FileManager.default.createDirectory(atPath: places, withIntermediateDirectories: true)
      let place = "\(places)/place"
      let export: any ImageExport =
        switch form {
        case "rootfs": RootFSExport(directory: place)
        case "rootfs-tar": RootFSTarExport(file: place)
        case "docker-archive": DockerArchiveExport(file: place, reference: nil)
        default: OCIArchiveExport(file: place, name: nil)
        }
      let archive = try TestArchive.make(directory, try SampleImage().ociArchive)
      let source = try ImportSource(OCIArchiveImport(file: archive, name: nil), cache: directory)
      let staging = try StagingArea(for: place, cache: directory)
      var stops = 0
      while !FileManager.default.fileExists(atPath: place) {
        let asked = Mutex(0)
        let most = stops
        let destination = try ExportDestination(
          export, staging: staging,
          isCancelled: {
            asked.withLock { asked in
              asked += 1
              return asked > most
            }
          }, note: { _ in })
        do {
          _ = try ImageCopier(from: source, to: destination).copy()
        } catch TransferError.cancelled {
          stops += 1
          #expect(try FileManager.default.contentsOfDirectory(atPath: places) == [])
          #expect(FileManager.default.fileExists(atPath: "\(staging.path)/index.json"))
        }
      }
      #expect(stops > 1)
      #expect(!FileManager.default.fileExists(atPath: staging.path))
    }
  }
}
