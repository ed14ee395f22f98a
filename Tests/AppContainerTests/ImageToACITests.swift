import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import AppContainer

/// What docker2aci 0.17 makes of the same configs.
@Suite struct ImageToACITests {
  private static let config = #"""
    {
      "architecture": "arm", "variant": "v7", "os": "linux", "created": "2016-08-31T22:15:28.123456789Z",
      "author": "A. U. Thor",
      "config": {
        "User": "nginx", "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "8080": {}},
        "Env": ["PATH=/usr/bin:/bin", "A=1", "NOTHING", "A=2=3"], "Entrypoint": ["/entry", "-x"], "Cmd": ["run"],
        "Volumes": {"/data": {}, "/Data/": {}, "/var/lib/x": {}}, "WorkingDir": "/srv",
        "Labels": {"b": "2", "a": "1"}
      },
      "rootfs": {"type": "layers", "diff_ids": []}
    }
    """#

  private func origin() throws -> ImageOrigin {
    var origin = try ImageOrigin(ImageReference(parsing: "nginx:1.11"), originalName: "nginx:1.11")
    origin.imageID = Digest(hashing: bytes("config"))
    origin.manifest = Digest(hashing: bytes("manifest"))
    return origin
  }

  @Test func aConfigBecomesAManifest() throws {
    let manifest = try AppContainerManifest(ImageConfig(parsing: bytes(Self.config)), origin: origin())
    let expected =
      #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"registry-1.docker.io/library/nginx","#
      + #""labels":[{"name":"arch","value":"armv7l"},{"name":"os","value":"linux"},{"name":"version","value":"1.11"}],"#
      + #""app":{"exec":["/entry","-x","run"],"user":"nginx","group":"nginx","workingDirectory":"/srv","environment":["#
      + #"{"name":"PATH","value":"/usr/bin:/bin"},{"name":"A","value":"2=3"}],"mountPoints":["#
      + #"{"name":"volume-data","path":"/Data/"},{"name":"volume-data-1","path":"/data"},"#
      + #"{"name":"volume-var-lib-x","path":"/var/lib/x"}],"ports":["#
      + #"{"name":"53-udp","protocol":"udp","port":53,"count":1,"socketActivated":false},"#
      + #"{"name":"80-tcp","protocol":"tcp","port":80,"count":1,"socketActivated":false},"#
      + #"{"name":"8080","protocol":"tcp","port":8080,"count":1,"socketActivated":false}],"#
      + #""userLabels":{"a":"1","b":"2"}},"annotations":["#
      + #"{"name":"authors","value":"A. U. Thor"},{"name":"created","value":"2016-08-31T22:15:28.123456789Z"},"#
      + #"{"name":"appc.io/docker/originalname","value":"nginx:1.11"},"#
      + #"{"name":"appc.io/docker/registryurl","value":"registry-1.docker.io"},"#
      + #"{"name":"appc.io/docker/repository","value":"library/nginx"},"#
      + #"{"name":"appc.io/docker/imageid","value":"\#(Digest(hashing: bytes("config")))"},"#
      + #"{"name":"appc.io/docker/manifesthash","value":"\#(Digest(hashing: bytes("manifest")))"},"#
      + #"{"name":"appc.io/docker/entrypoint","value":"[\"/entry\",\"-x\"]"},"#
      + #"{"name":"appc.io/docker/cmd","value":"[\"run\"]"}]}"#
    #expect(String(decoding: try manifest.encoded(), as: UTF8.self) == expected)
  }

  @Test(
    arguments: [
      ("nginx", "registry-1.docker.io/library/nginx", "latest"),
      ("registry.example:5000/Team/App:V1".lowercased(), "registry.example_5000/team/app", "v1"),
      ("quay.io/a/b_c@sha256:\(String(repeating: "a", count: 64))", "quay.io/a/b_c", nil),
    ] as [(String, String, String?)])
  func namesComeFromTheReference(_ reference: String, _ name: String, _ version: String?) throws {
    let origin = try ImageOrigin(ImageReference(parsing: reference), originalName: reference)
    #expect(origin.name.description == name)
    #expect(origin.version == version)
    #expect(origin.originalName == reference)
  }

  @Test(arguments: [
    ("", "0", "0"), ("1000", "1000", "1000"), ("1000:50", "1000", "50"), ("app:", "app", "app"),
    (":50", "0", "50"),
    ("user:group", "user", "group"),
  ])
  func usersAndGroups(_ user: String, _ expectedUser: String, _ expectedGroup: String) throws {
    let text = Self.config.replacingOccurrences(of: #""User": "nginx""#, with: #""User": "\#(user)""#)
    let app = try AppContainerManifest(ImageConfig(parsing: bytes(text)), origin: origin()).app
    #expect(app?.user == expectedUser)
    #expect(app?.group == expectedGroup)
  }

  @Test(arguments: [
    (#""arm""#, #""riscv64""#, "no name for the platform"), (#""80/tcp""#, #""http/tcp""#, "no port"),
    (#""80/tcp""#, #""80000/tcp""#, "65535"), (#""A=1""#, #""1A=1""#, "environment variable"),
    (#""/srv""#, #""srv""#, "relative"), (#""2016-08-31T22:15:28.123456789Z""#, #""yesterday""#, "created"),
  ])
  func whatAppcCannotSayIsRefused(_ old: String, _ new: String, _ message: String) throws {
    let text = Self.config.replacingOccurrences(of: old, with: new)
    #expect(text != Self.config)
    let error = try #require(throws: AppContainerError.self) {
      try AppContainerManifest(ImageConfig(parsing: bytes(text)), origin: origin())
    }
    guard case .notConvertible = error else { throw error }
    #expect("\(error)".contains(message), "\(error)")
  }

  private func convert(_ layers: [[TestImage.Item]], _ compression: Compression = .gzip) throws -> (
    image: [UInt8], imageID: ACIImageID
  ) {
    let sources = try layers.map { items in
      let archive = try TestImage.archive(items, .gzip)
      return LayerSquash.Layer(diffID: Digest(hashing: try TestImage.archive(items))) {
        MemoryReader(archive)
      }
    }
    let conversion = try ImageToACI(
      ImageConfig(parsing: bytes(Self.config)), origin: origin(), layers: sources)
    let output = Output()
    let (imageID, _) = try conversion.write(compression: compression, to: output.sink)
    return (output.bytes, imageID)
  }

  private static let layers: [[TestImage.Item]] = [
    [
      .directory("./", mode: 0o711), .directory("bin"), .file("bin/sh", "#!", mode: 0o755), .file("etc/gone"),
      .hardLink("bin/ash", to: "bin/sh"), .link("dev/stdin", to: "/own"),
    ],
    [.file("etc/.wh.gone", ""), .file("bin/sh", "new", mode: 0o755)],
  ]

  @Test func layersBecomeOneRootFileSystem() throws {
    let (image, imageID) = try convert(Self.layers)
    let summary = try ACIReader.summary(of: MemoryReader(image))
    #expect(summary.imageID == imageID)
    let items = try TestImage.items(of: image)
    #expect(
      items.map(\.entry.path) == [
        "manifest", "rootfs/", "rootfs/bin/", "rootfs/dev/", "rootfs/etc/", "rootfs/dev/fd",
        "rootfs/dev/stderr",
        "rootfs/dev/stdout", "rootfs/bin/ash", "rootfs/dev/stdin", "rootfs/bin/sh",
      ])
    #expect(items[1].entry.mode == 0o711)
    #expect(items[5].entry.kind == .symbolicLink(target: "/proc/self/fd"))
    #expect(items[6].entry.kind == .symbolicLink(target: "/dev/console"))
    #expect(items[8].data == bytes("#!"))
    #expect(items[9].entry.kind == .symbolicLink(target: "/own"))
    #expect(items[10].data == bytes("new"))
  }

  @Test func theSameImageIsTheSameBytes() throws {
    #expect(try convert(Self.layers).image == convert(Self.layers).image)
    #expect(try convert(Self.layers).imageID == convert(Self.layers, .xz).imageID)
  }

  @Test func devThatIsNoDirectoryIsRefused() throws {
    for item in [TestImage.Item.file("dev"), .link("dev", to: "/run")] {
      let error = try #require(throws: AppContainerError.self) { try convert([[item]]) }
      #expect("\(error)".contains("/dev"))
    }
  }
}
