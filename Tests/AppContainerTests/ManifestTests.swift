import ContainerImage
import Testing

@testable import AppContainer

@Suite struct ManifestTests {
  @Test func theSpecificationsExampleIsRead() throws {
    let manifest = try AppContainerManifest(parsing: bytes(ManifestSamples.specification))
    #expect(manifest.version == .current)
    #expect(manifest.name.description == "example.com/reduce-worker")
    #expect(manifest.labels.version == "1.0.0")
    #expect(manifest.labels.os == "linux")
    #expect(manifest.labels.architecture == "amd64")
    let app = try #require(manifest.app)
    #expect(app.exec == ["/usr/bin/reduce-worker", "--quiet"])
    #expect(app.user == "100")
    #expect(app.group == "300")
    // The example writes it in another case of letters than the text.
    #expect(app.supplementaryGroupIDs == [400, 500])
    #expect(app.eventHandlers.map(\.event) == [.preStart, .postStop])
    #expect(app.eventHandlers[1].exec == ["/usr/bin/deregister-worker", "--verbose"])
    #expect(app.workingDirectory == "/opt/work")
    #expect(app.environment.map(\.name) == ["REDUCE_WORKER_DEBUG"])
    #expect(app.environment.map(\.value) == ["true"])
    #expect(app.mountPoints == [.init(name: try ACName(parsing: "work"), path: "/var/lib/work")])
    #expect(
      app.ports == [
        try .init(name: ACName(parsing: "health"), transport: "tcp", port: 4000, isSocketActivated: true),
        try .init(name: ACName(parsing: "ftp-data"), transport: "tcp", port: 20000, count: 1000),
      ])
    #expect(
      app.isolators.map(\.setting) == [
        .resource(
          request: try ResourceQuantity(parsing: "250m"), limit: try ResourceQuantity(parsing: "500m")),
        .resource(request: try ResourceQuantity(parsing: "1G"), limit: try ResourceQuantity(parsing: "2G")),
        .capabilitiesRetainSet(["CAP_NET_BIND_SERVICE"]),
      ])
    #expect(manifest.dependencies.map(\.imageName.description) == ["example.com/reduce-worker-base"])
    #expect(manifest.dependencies[0].imageID?.isWhole == true)
    #expect(manifest.dependencies[0].size == 22_017_258)
    #expect(manifest.dependencies[0].labels.labels.map(\.value) == ["linux", "canary"])
    #expect(manifest.pathWhitelist.count == 5)
    #expect(manifest.annotations[ACAnnotations.homepage] == "https://example.com")
    #expect(manifest.annotations.annotations.count == 5)
  }

  @Test func whatIsWrittenIsReadAgainAndTheSame() throws {
    let manifest = try AppContainerManifest(parsing: bytes(ManifestSamples.specification))
    let encoded = try manifest.encoded()
    #expect(try AppContainerManifest(parsing: encoded) == manifest)
    #expect(try AppContainerManifest(parsing: encoded).encoded() == encoded)
  }

  @Test func theSmallestManifest() throws {
    let text = #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/test"}"#
    let manifest = try AppContainerManifest(parsing: bytes(text))
    #expect(manifest.app == nil)
    #expect(try manifest.encoded() == bytes(text))
    #expect(manifest == AppContainerManifest(name: try ACIdentifier(parsing: "example.com/test")))
  }

  @Test func unknownFieldsAndIsolatorsAreKept() throws {
    let text =
      #"{"acKind":"ImageManifest","acVersion":"0.9.0","name":"a","app":{"exec":[],"user":"0","group":"0","#
      + #""isolators":[{"name":"example.com/x","value":{"b":1.50,"a":null}},{"name":"example.com/x","value":[]}],"#
      + #""future":{"z":1,"a":[2]}},"later":"yes","sooner":1e3}"#
    let manifest = try AppContainerManifest(parsing: bytes(text))
    #expect(manifest.app?.isolators.map(\.setting) == [nil, nil])
    #expect(String(decoding: try manifest.encoded(), as: UTF8.self) == text)
  }

  @Test func nullIsAbsent() throws {
    let manifest = try AppContainerManifest(
      parsing: bytes(
        #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","labels":null,"app":{"exec":null,"user":"0","#
          + #""group":"0","workingDirectory":"","environment":null},"dependencies":null}"#))
    #expect(manifest.app?.exec == [])
    #expect(manifest.app?.workingDirectory == nil)
  }

  @Test(arguments: ManifestSamples.refusedManifests)
  func aManifestIsRefusedWithTheFieldsPath(_ sample: ManifestSamples.Refused) throws {
    let error = try #require(throws: AppContainerError.self) {
      try AppContainerManifest(parsing: bytes(sample.document))
    }
    #expect("\(error)".contains(sample.message), "\(error)")
  }

  @Test(arguments: ManifestSamples.refusedApps)
  func anAppIsRefusedWithTheFieldsPath(_ sample: ManifestSamples.Refused) throws {
    let error = try #require(throws: AppContainerError.self) {
      try AppContainerManifest(parsing: bytes(ManifestSamples.manifest(app: sample.document)))
    }
    #expect("\(error)".contains(sample.message), "\(error)")
  }

  @Test(arguments: ManifestSamples.isolators)
  func anIsolatorIsTaken(_ sample: ManifestSamples.Isolator) throws {
    let manifest = try AppContainerManifest(
      parsing: bytes(ManifestSamples.manifest(isolators: sample.document)))
    #expect(manifest.app?.isolators.first?.setting == sample.setting)
  }

  @Test(arguments: ManifestSamples.refusedIsolators)
  func anIsolatorIsRefused(_ sample: ManifestSamples.Refused) throws {
    let error = try #require(throws: AppContainerError.self) {
      try AppContainerManifest(parsing: bytes(ManifestSamples.manifest(isolators: sample.document)))
    }
    #expect("\(error)".contains(sample.message), "\(error)")
  }

  /// schema/types/labels_test.go.
  @Test(arguments: [
    ("linux", "amd64", "linux/amd64"), ("linux", "i386", "linux/386"), ("linux", "aarch64", "linux/arm64/v8"),
    ("linux", "armv6l", "linux/arm/v6"), ("linux", "armv7l", "linux/arm/v7"),
    ("linux", "ppc64le", "linux/ppc64le"),
    ("linux", "ppc64", "linux/ppc64"), ("linux", "s390x", "linux/s390x"),
    ("freebsd", "amd64", "freebsd/amd64"),
    ("freebsd", "i386", "freebsd/386"), ("darwin", "x86_64", "darwin/amd64"),
  ])
  func platformsHaveNamesInBothFormats(_ os: String, _ architecture: String, _ platform: String) throws {
    let labels = try ACLabels([
      .init(name: ACLabels.os, value: os), .init(name: ACLabels.architecture, value: architecture),
    ])
    let found = try ACPlatform.platform(of: labels)
    #expect(found.description == platform)
    let back = try ACPlatform.labels(of: found)
    #expect([back.os, back.architecture] == [os, architecture])
  }

  @Test func platformsThatHaveNoNamesInTheOtherFormat() throws {
    for architecture in ["aarch64_be", "armv7b"] {
      let labels = try ACLabels([
        .init(name: ACLabels.os, value: "linux"), .init(name: ACLabels.architecture, value: architecture),
      ])
      #expect(throws: AppContainerError.self) { try ACPlatform.platform(of: labels) }
    }
    for platform in ["linux/riscv64", "windows/amd64", "darwin/arm64", "linux/mips64le"] {
      let parsed = try Platform(parsing: platform)
      #expect(throws: AppContainerError.self) { try ACPlatform.labels(of: parsed) }
    }
    for (text, expected) in [("linux/arm", "armv6l"), ("linux/arm/v5", "armv6l"), ("linux/arm/v8", "armv7l")]
    {
      #expect(try ACPlatform.labels(of: Platform(parsing: text)).architecture == expected)
    }
    #expect(
      try ACPlatform.platform(of: ACLabels())
        == Platform(
          os: "linux", architecture: Platform.current.architecture, variant: Platform.current.variant))
  }
}
