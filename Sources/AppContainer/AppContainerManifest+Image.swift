import Archive
import ContainerImage

extension AppContainerManifest {
  /// What an OCI or Docker image's config says, as docker2aci has it for a squashed image: see `docs/appc.md`. Where docker2aci
  /// refuses, so does this: a name of a variable that appc does not have, a port that is no number, a relative
  /// working directory, a time that is none. Beyond docker2aci, which takes a platform that it does not know for its own
  /// machine's, that is refused too; and Docker's labels become user labels whatever the image's format is.
  /// - Throws: `AppContainerError.notConvertible`
  public init(_ config: ImageConfig, origin: ImageOrigin) throws(AppContainerError) {
    do {
      try self.init(converting: config, origin)
    } catch .malformed(let reason) {
      throw .notConvertible(reason: reason)
    }
  }

  private init(converting config: ImageConfig, _ origin: ImageOrigin) throws(AppContainerError) {
    self.init(name: origin.name)
    let platform = try ACPlatform.labels(of: config.platform)
    var labels = [
      ACLabels.Label(name: ACLabels.architecture, value: platform.architecture),
      ACLabels.Label(name: ACLabels.os, value: platform.os),
    ]
    if let version = origin.version { labels.append(.init(name: ACLabels.version, value: version)) }
    self.labels = try ACLabels(labels)

    let execution = config.config
    let candidates: [(ACIdentifier, String?)] = [
      (ACAnnotations.authors, config.author), (ACAnnotations.created, config.created),
      (ACIDockerAnnotation.originalName, origin.originalName),
      (ACIDockerAnnotation.registryURL, origin.registry),
      (ACIDockerAnnotation.repository, origin.repository),
      (ACIDockerAnnotation.imageID, origin.imageID?.description),
      (ACIDockerAnnotation.manifestHash, origin.manifest?.description),
      (ACIDockerAnnotation.entrypoint, Self.list(execution?.entrypoint)),
      (ACIDockerAnnotation.command, Self.list(execution?.command)),
    ]
    annotations = try ACAnnotations(
      candidates.compactMap { name, value in
        guard let value, !value.isEmpty else { return nil }
        return ACAnnotations.Annotation(name: name, value: value)
      })
    if let execution { app = try ACApp(execution) }
  }

  private static func list(_ texts: [String]?) -> String? {
    guard let texts, !texts.isEmpty else { return nil }
    return OrderedJSON.strings(texts).line
  }
}

extension ACApp {
  fileprivate init(_ execution: ImageConfig.Execution) throws(AppContainerError) {
    let (user, group) = Self.owner(execution.user ?? "")
    self.init(user: user, group: group)
    exec = execution.arguments
    for text in execution.environment ?? [] {
      // What is no assignment is passed over, and the last of several counts.
      guard let equals = text.firstIndex(of: "=") else { continue }
      let variable = try EnvironmentVariable(
        name: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
      if let index = environment.firstIndex(where: { $0.name == variable.name }) {
        environment[index] = variable
      } else {
        environment.append(variable)
      }
    }
    if let directory = execution.workingDirectory, !directory.isEmpty {
      guard directory.hasPrefix("/") else {
        throw .notConvertible(
          reason: "its working directory \(directory.quotedForMessage) is relative, which appc does not allow"
        )
      }
      workingDirectory = directory
    }
    userLabels = execution.labels ?? [:]
    mountPoints = try Self.mountPoints((execution.volumes ?? [:]).keys.sorted())
    for text in (execution.exposedPorts ?? [:]).keys { ports.append(try Port(dockerPort: text)) }
    ports.sort { ($0.name, $0.port) < ($1.name, $1.port) }
  }

  /// The group of a user without one is not looked up in the image, but has the user's name or number, as docker2aci has
  /// it.
  private static func owner(_ text: String) -> (user: String, group: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let user = parts.first.flatMap { $0.isEmpty ? nil : $0 } ?? "0"
    return (user, parts.dropFirst().first.flatMap { $0.isEmpty ? nil : $0 } ?? user)
  }

  /// Named for their paths, with a number where two have the same name.
  private static func mountPoints(_ paths: [String]) throws(AppContainerError) -> [MountPoint] {
    var counts: [ACName: Int] = [:]
    var points: [MountPoint] = []
    for path in paths {
      guard let name = ACName(sanitizing: RawPath(joining: RawPath("volume/" + path).components).description)
      else { continue }
      let count = counts[name, default: 0]
      counts[name] = count + 1
      points.append(
        MountPoint(name: count == 0 ? name : try ACName(parsing: "\(name)-\(count)"), path: path))
    }
    return points.sorted { ($0.name, $0.path) < ($1.name, $1.path) }
  }
}

extension ACApp.Port {
  /// `80` or `80/tcp`, which is the name too.
  fileprivate init(dockerPort text: String) throws(AppContainerError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let port = Int(parts[0]), let name = ACName(sanitizing: text) else {
      throw .notConvertible(
        reason: "its exposed port \(text.quotedForMessage) is no port: expected a number such as 80/tcp")
    }
    try self.init(name: name, transport: parts.count > 1 ? String(parts[1]) : "tcp", port: port)
  }
}
