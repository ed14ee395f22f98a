import Foundation

/// The images that the real clients push and pull, made once a run in one OCI layout.
struct TestImage: Sendable {
  /// An image of busybox for this machine that prints `greeting`.
  let hello = "hello"
  /// `hello` with one more layer.
  let second = "second"
  /// An index of `hello` and of an image for another platform.
  let multi = "multi"
  /// What `hello` prints.
  let greeting = "greetings from the trading post"

  let layout: OCILayout

  private static let made = Task { try await make() }

  /// The run's images.
  static var shared: TestImage { get async throws { try await made.value } }

  /// The source of skopeo's copy.
  func source(_ tag: String) -> String { "oci:\(layout.path):\(tag)" }

  /// The exact bytes of a tag's manifest or index.
  func manifestBytes(_ tag: String) throws -> Data { try layout.blob(layout.descriptor(tag: tag).digest) }

  /// Pushes an image with skopeo, over plain HTTP.
  /// - Parameters:
  ///   - key: signs it.
  ///   - registriesD: skopeo's settings for registries.
  func push(
    _ tag: String, to reference: String, by key: SigningKey? = nil, all: Bool = false,
    registriesD: String? = nil
  ) async throws {
    var arguments = ["--insecure-policy"]
    if let registriesD { arguments += ["--registries.d", registriesD] }
    arguments += ["copy", "--dest-tls-verify=false"] + (all ? ["--all"] : [])
    if key != nil { arguments += ["--sign-by", SigningKey.owner] }
    arguments += [source(tag), "docker://\(reference)"]
    try await Command(
      tool: .skopeo, arguments: arguments, environment: key.map { ["GNUPGHOME": $0.home] } ?? [:]
    ).run()
  }

  private static func make() async throws -> TestImage {
    try Tool.require(.busybox, .umoci)
    let directory = try Scratch.directory("images")
    let image = TestImage(layout: OCILayout(path: "\(directory)/layout"))
    let root = "\(directory)/root"
    let files = FileManager.default
    try files.createDirectory(atPath: "\(root)/bin", withIntermediateDirectories: true)
    try files.copyItem(atPath: Tool.busybox.path(), toPath: "\(root)/bin/busybox")
    for applet in ["sh", "echo", "cat", "sleep"] {
      try files.createSymbolicLink(atPath: "\(root)/bin/\(applet)", withDestinationPath: "busybox")
    }
    try files.createDirectory(atPath: "\(directory)/more/etc", withIntermediateDirectories: true)
    try Data("a second layer\n".utf8).write(to: URL(filePath: "\(directory)/more/etc/second"))

    let path = image.layout.path
    try await Tool.umoci.run("init", "--layout", path)
    try await Tool.umoci.run("new", "--image", "\(path):\(image.hello)")
    try await Tool.umoci.run("insert", "--image", "\(path):\(image.hello)", root, "/")
    try await Tool.umoci.run(
      "config", "--image", "\(path):\(image.hello)", "--config.cmd", "/bin/echo", "--config.cmd",
      image.greeting)
    let more = ["\(directory)/more/etc", "/etc"]
    try await Tool.umoci.run(
      "insert", "--image", "\(path):\(image.hello)", "--tag", image.second, more[0], more[1])
    try await Tool.umoci.run(
      "config", "--image", "\(path):\(image.second)", "--tag", "other-platform", "--architecture", "s390x")
    try image.addIndex()
    return image
  }

  private func addIndex() throws {
    var manifests: [OCILayout.Descriptor] = []
    for (tag, architecture) in [(hello, machine), ("other-platform", "s390x")] {
      var descriptor = try layout.descriptor(tag: tag)
      descriptor.annotations = nil
      descriptor.platform = .init(architecture: architecture, os: "linux")
      manifests.append(descriptor)
    }
    try layout.add(
      OCILayout.Manifest(mediaType: OCILayout.MediaType.index, manifests: manifests), tag: multi)
  }

  /// This machine's name in OCI's words.
  private var machine: String {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }
}
