import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Synchronization
import Testing

@testable import AppContainer

@Suite struct ACIToImageTests {
  private struct Converted {
    let conversion: ACIToImage
    let layer: [UInt8]
    let config: ImageConfig
    let manifest: Manifest
    let bytes: [[UInt8]]
  }

  private func convert(_ aci: [UInt8]) throws -> Converted {
    let conversion = try ACIToImage { MemoryReader(aci) }
    let output = Output()
    let layer = try conversion.writeLayer(to: output.sink)
    let image = try conversion.image(of: [layer])
    let manifest = try Manifest(parsing: image.manifest, contentType: nil)
    let config = try ImageConfig(parsing: image.config)
    #expect(manifest.config?.digest == Digest(hashing: image.config))
    #expect(manifest.layers == [layer.descriptor])
    #expect(layer.descriptor.digest == Digest(hashing: output.bytes))
    #expect(layer.descriptor.size == output.bytes.count)
    var plain: [UInt8] = []
    try DecompressingReader(MemoryReader(output.bytes)).forEachPiece { plain += $0 }
    #expect(config.rootfs.diffIDs == [Digest(hashing: plain)])
    return Converted(
      conversion: conversion, layer: plain, config: config, manifest: manifest,
      bytes: [output.bytes, image.config, image.manifest])
  }

  private static let manifest = #"""
    {
      "acKind": "ImageManifest", "acVersion": "0.8.11", "name": "example.com/worker",
      "labels": [
        {"name": "version", "value": "1.2"}, {"name": "arch", "value": "aarch64"}, {"name": "os", "value": "linux"},
        {"name": "channel", "value": "beta"}
      ],
      "app": {
        "exec": ["/bin/worker", "-v"], "user": "/bin/worker", "group": "50", "workingDirectory": "/srv",
        "environment": [{"name": "A", "value": "1"}], "supplementaryGIDs": [7],
        "mountPoints": [{"name": "data", "path": "/data", "readOnly": true}],
        "ports": [{"name": "web", "protocol": "tcp", "port": 80, "count": 2}],
        "isolators": [{"name": "resource/cpu", "value": {"limit": "1"}}],
        "userLabels": {"team": "a"}, "userAnnotations": {"note": "b"}
      },
      "annotations": [
        {"name": "created", "value": "2016-08-31T22:15:28Z"}, {"name": "authors", "value": "A. U. Thor"},
        {"name": "homepage", "value": "https://example.com"}, {"name": "example.com/x", "value": "y"}
      ]
    }
    """#

  private func worker() throws -> [UInt8] {
    var worker = TestImage.Item.file("rootfs/bin/worker", "#!", mode: 0o755)
    worker.entry.userID = 1234
    return try TestImage.aci([.directory("rootfs/bin"), worker], manifest: Self.manifest)
  }

  @Test func aManifestBecomesAConfig() throws {
    let converted = try convert(worker())
    let config = converted.config
    #expect(config.platform.description == "linux/arm64/v8")
    #expect(config.created == "2016-08-31T22:15:28Z")
    #expect(config.author == "A. U. Thor")
    let execution = try #require(config.config)
    #expect(execution.entrypoint == ["/bin/worker", "-v"])
    #expect(execution.command == nil)
    // The owner of the file that it names.
    #expect(execution.user == "1234:50")
    #expect(execution.workingDirectory == "/srv")
    #expect(execution.environment == ["A=1"])
    #expect(execution.volumes.map { Array($0.keys) } == ["/data"])
    #expect(execution.exposedPorts?.keys.sorted() == ["80/tcp", "81/tcp"])
    #expect(execution.labels == ["team": "a"])
    #expect(
      converted.manifest.annotations == [
        "org.opencontainers.image.title": "example.com/worker", "org.opencontainers.image.version": "1.2",
        "org.opencontainers.image.created": "2016-08-31T22:15:28Z",
        "org.opencontainers.image.authors": "A. U. Thor",
        "org.opencontainers.image.url": "https://example.com", "example.com/x": "y",
        "appc.io/label/channel": "beta",
        "note": "b",
      ])
    #expect(converted.conversion.notes.count == 3)
    for word in ["supplementary", "resource/cpu", "read-only"] {
      #expect(converted.conversion.notes.contains { $0.contains(word) })
    }
  }

  @Test func theRootFileSystemBecomesTheLayer() throws {
    let items = try TestImage.items(
      of: convert(
        TestImage.aci([
          .directory("rootfs/d", mode: 0o700), .file("rootfs/d/f", "data"),
          .hardLink("rootfs/g", to: "rootfs/d/f"),
          .link("rootfs/l", to: "/d"), .of(.characterDevice(major: 1, minor: 3), "rootfs/null"),
        ])
      ).layer)
    #expect(items.map(\.entry.path) == ["./", "d/", "d/f", "g", "l", "null"])
    #expect(items[1].entry.mode == 0o700)
    #expect(items[2].data == bytes("data"))
    #expect(items[3].entry.kind == .hardLink(target: "d/f"))
    #expect(items[4].entry.kind == .symbolicLink(target: "/d"))
    #expect(items[5].entry.kind == .characterDevice(major: 1, minor: 3))
    #expect(items[2].entry.modificationTime == FileTime(seconds: 1_500_000_000, nanoseconds: 5))
  }

  @Test func theSameImageIsTheSameBytes() throws {
    let aci = try worker()
    #expect(try convert(aci).bytes == convert(aci).bytes)
  }

  @Test func anImageWithoutAnAppHasNoCommand() throws {
    let config = try convert(TestImage.aci()).config
    #expect(config.config?.arguments == [])
    #expect(
      config.platform
        == Platform(
          os: "linux", architecture: Platform.current.architecture, variant: Platform.current.variant))
  }

  @Test func onlyWhatIsOnTheWhitelistStays() throws {
    let manifest = #"""
      {"acKind":"ImageManifest","acVersion":"0.8.11","name":"a",
      "pathWhitelist":["/d","/d/keep","/link","/second","/third/"]}
      """#
    let items = try TestImage.items(
      of: convert(
        TestImage.aci(
          [
            .directory("rootfs/d"), .file("rootfs/d/keep", "keep"), .file("rootfs/d/drop"),
            .link("rootfs/link", to: "d"), .link("rootfs/other", to: "d"),
            // Of four names the file's own and one more are left out.
            .file("rootfs/first", "shared"), .hardLink("rootfs/zeroth", to: "rootfs/first"),
            .hardLink("rootfs/second", to: "rootfs/zeroth"), .hardLink("rootfs/third", to: "rootfs/first"),
          ], manifest: manifest)
      ).layer)
    #expect(items.map(\.entry.path) == ["./", "d/", "d/keep", "link", "second", "third"])
    #expect(items[4].data == bytes("shared"))
    #expect(items[5].entry.kind == .hardLink(target: "second"))
  }

  @Test(arguments: [
    (#""dependencies":[{"imageName":"example.com/base"}]"#, "example.com/base"),
    (#""app":{"user":"/none","group":"0"}"#, "/none"),
    (#""labels":[{"name":"os","value":"linux"},{"name":"arch","value":"armv7b"}]"#, "armv7b"),
  ])
  func whatOCICannotSayIsRefused(_ field: String, _ message: String) throws {
    let aci = try TestImage.aci(
      manifest: #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a",\#(field)}"#)
    let error = try #require(throws: AppContainerError.self) { try convert(aci) }
    guard case .notConvertible = error else { throw error }
    #expect("\(error)".contains(message))
  }

  @Test func namesOfWhiteoutsAreRefused() throws {
    let aci = try TestImage.aci([.file("rootfs/.wh.x")])
    #expect(throws: AppContainerError.self) { try convert(aci) }
  }

  @Test func anImageThatChangesBetweenTheTwoReadingsIsRefused() throws {
    let versions = [
      try TestImage.aci([.file("rootfs/f", "one")]), try TestImage.aci([.file("rootfs/f", "two")]),
    ]
    let count = Mutex(0)
    let conversion = try ACIToImage {
      count.withLock { count in
        defer { count += 1 }
        return MemoryReader(versions[count])
      }
    }
    #expect(throws: AppContainerError.self) { try conversion.writeLayer(to: Output().sink) }
  }

  /// To an App Container Image and back.
  @Test func anImageComesBackAsItWas() throws {
    let text = #"""
      {"architecture":"amd64","os":"linux","created":"2020-01-01T00:00:00Z","config":{"User":"1:2","Env":["A=1"],
      "Entrypoint":["/e"],"Cmd":["c"],"WorkingDir":"/w","Labels":{"l":"1"},"Volumes":{"/v":{}},"ExposedPorts":{"1/tcp":{}}},
      "rootfs":{"type":"layers","diff_ids":[]}}
      """#
    let config = try ImageConfig(parsing: bytes(text))
    let layer = try TestImage.archive([.directory("./"), .directory("dev"), .file("f", "data")])
    let output = Output()
    try ImageToACI(
      config, origin: ImageOrigin(name: ACIdentifier(parsing: "a")),
      layers: [LayerSquash.Layer(diffID: nil) { MemoryReader(layer) }]
    ).write(to: output.sink)
    let back = try convert(output.bytes)
    #expect(back.config.config == config.config)
    #expect(back.config.created == config.created)
    #expect(try TestImage.items(of: back.layer).contains { $0.entry.path == "f" && $0.data == bytes("data") })
  }
}
