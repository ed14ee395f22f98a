import Archive
import ContainerImage
import ImageTransfer

/// containerd on this machine, by its own client `ctr`, which finds it by `CONTAINERD_ADDRESS` and `CONTAINERD_NAMESPACE`.
struct Containerd: Sendable {
  let ctr: EngineProgram
  private let socket: EngineSocket

  init(_ environment: EngineEnvironment) {
    ctr = EngineProgram(name: "ctr", package: "containerd", environment: environment)
    let address = environment["CONTAINERD_ADDRESS"] ?? "/run/containerd/containerd.sock"
    socket = EngineSocket(
      path: address.hasPrefix("unix://") ? String(address.dropFirst("unix://".count)) : address,
      engine: "containerd",
      ifAbsent: "start it, as with 'systemctl start containerd', or name its socket in CONTAINERD_ADDRESS",
      ifDenied: "use kontor as root")
  }

  /// Whose images these are. Kubernetes' are in `k8s.io`.
  var namespace: String { ctr.environment["CONTAINERD_NAMESPACE"] ?? "default" }

  /// - Throws: `TransferError` unless there are `ctr` and a containerd that this user may ask: `ctr` itself would take ten
  ///   seconds to say so.
  func check() throws(TransferError) {
    _ = try ctr.path()
    _ = try socket.connect(ctr.environment)
  }
}

/// `containerd:REFERENCE` as a destination: an OCI archive for `ctr images import`.
public struct ContainerdExport: ImageExport {
  private let name: String
  private let containerd: Containerd

  public init(_ reference: ImageReference, _ environment: EngineEnvironment) {
    name = "\(reference.withTag)"
    containerd = Containerd(environment)
  }

  public func check() throws { try containerd.check() }

  public func export(_ image: StagedImage) throws -> [String] {
    // Whoever runs the image unpacks it, with the snapshotter of its own choice.
    try containerd.ctr.feed(["images", "import", "--no-unpack", "-"]) { sink in
      let writer = try TarWriter(to: sink)
      try OCIArchiveExport.write(image, name: name, to: writer)
      try writer.finish()
    }
    guard containerd.namespace == "default" else { return [] }
    return [
      "\(name) is in containerd's namespace default; for Kubernetes, set CONTAINERD_NAMESPACE=k8s.io"
    ]
  }
}

/// `containerd:REFERENCE` as a source: the OCI archive of `ctr images export`.
public struct ContainerdImport: ImageImport {
  private let name: String
  private let containerd: Containerd

  public init(_ reference: ImageReference, _ environment: EngineEnvironment) {
    name = "\(reference.withTag)"
    containerd = Containerd(environment)
  }

  public var description: String { "containerd:\(name)" }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    try containerd.check()
    guard try containerd.ctr.output(["images", "ls", "--quiet", "name==\(name)"]).hasPrefix(name) else {
      throw TransferError.notFound(
        "containerd has no image \(name) in its namespace \(containerd.namespace): "
          + "CONTAINERD_NAMESPACE names another, such as Kubernetes' k8s.io")
    }
    do {
      return try fill(layout, ["--all-platforms"], limits, check)
    } catch TransferError.failed {
      // It may have this machine's part alone, as what pulls by itself leaves it.
      return try fill(layout, [], limits, check)
    }
  }

  private func fill(
    _ layout: OCILayout, _ options: [String], _ limits: UnpackLimits, _ check: () throws -> Void
  ) throws -> String? {
    let archive = ImageArchive(stream: description) { body in
      try containerd.ctr.read(["images", "export"] + options + ["-", name], body)
    }
    return try OCIArchiveImport(archive, name: nil, description: description).fill(
      layout, limits: limits, check: check)
  }
}
