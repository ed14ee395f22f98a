import Archive
import ContainerImage

extension ImageConfig.Execution {
  /// What an app says, as an OCI image's config.
  /// - Parameters:
  ///   - annotations: may say how Docker had divided the command.
  ///   - notes: gets what has no place there.
  /// - Throws: `AppContainerError.notConvertible`
  init(
    _ app: ACApp, _ annotations: ACAnnotations, _ survey: ACISurvey, _ notes: inout [String]
  ) throws(AppContainerError) {
    self.init()
    user = try Self.owner(app.user, survey, \.userID) + ":" + Self.owner(app.group, survey, \.groupID)
    let (entrypoint, command) = Self.command(app.exec, annotations)
    if !entrypoint.isEmpty { self.entrypoint = entrypoint }
    if !command.isEmpty { self.command = command }
    if !app.environment.isEmpty { environment = app.environment.map { "\($0.name)=\($0.value)" } }
    workingDirectory = app.workingDirectory
    if !app.userLabels.isEmpty { labels = app.userLabels }
    for point in app.mountPoints {
      volumes = (volumes ?? [:]).merging([point.path: .init()]) { first, _ in first }
    }
    for port in app.ports {
      for number in port.port..<(port.port + port.count) {
        exposedPorts = exposedPorts ?? [:]
        exposedPorts?["\(number)/\(port.transport)"] = .init()
      }
    }
    notes += Self.notes(app)
  }

  /// Docker's entrypoint and command, if they still are the app's together; else all is the entrypoint.
  private static func command(
    _ exec: [String], _ annotations: ACAnnotations
  ) -> (entrypoint: [String], command: [String]) {
    let entrypoint = list(annotations[ACIDockerAnnotation.entrypoint])
    let command = list(annotations[ACIDockerAnnotation.command])
    return entrypoint + command == exec ? (entrypoint, command) : (exec, [])
  }

  private static func list(_ text: String?) -> [String] {
    guard let text, case .array(let elements)? = try? OrderedJSON(parsing: Array(text.utf8)) else {
      return []
    }
    return elements.compactMap(\.string)
  }

  /// A path means whoever owns what is there (aci.md, `user`).
  private static func owner(
    _ text: String, _ survey: ACISurvey, _ id: (((userID: Int64, groupID: Int64)) -> Int64)
  ) throws(AppContainerError) -> String {
    guard text.hasPrefix("/") else { return text }
    let path = RawPath(joining: RawPath(text).components)
    guard let owner = survey.owners[path.isEmpty ? "./" : path] else {
      throw .notConvertible(
        reason: "its user is the owner of \(text.quotedForMessage), which it does not have")
    }
    return "\(id(owner))"
  }

  private static func notes(_ app: ACApp) -> [String] {
    var notes: [String] = []
    let leave = { (what: String) in "\(what) was left out, as OCI images have no place for it" }
    if !app.supplementaryGroupIDs.isEmpty { notes.append(leave("the list of supplementary groups")) }
    for handler in app.eventHandlers { notes.append(leave("the handler of \(handler.event.rawValue)")) }
    for isolator in app.isolators { notes.append(leave("the isolator \(isolator.name)")) }
    for point in app.mountPoints where point.isReadOnly {
      notes.append(leave("that the mount point \(point.name) is read-only"))
    }
    for port in app.ports where port.isSocketActivated {
      notes.append(leave("that the port \(port.name) is activated by its socket"))
    }
    return notes
  }
}

extension AppContainerManifest {
  /// As annotations of an OCI image: appc's own under OCI's names for the same (image-spec, annotations.md), other
  /// labels as `appc.io/label/NAME`, and the rest as they are.
  var imageAnnotations: [String: String] {
    var result = app?.userAnnotations ?? [:]
    for annotation in annotations.annotations {
      result[Self.annotationNames[annotation.name] ?? annotation.name.description] = annotation.value
    }
    for label in labels.labels where label.name != ACLabels.os && label.name != ACLabels.architecture {
      let isVersion = label.name == ACLabels.version
      result[isVersion ? "org.opencontainers.image.version" : "appc.io/label/\(label.name)"] = label.value
    }
    result["org.opencontainers.image.title"] = name.description
    return result
  }

  private static let annotationNames: [ACIdentifier: String] = [
    ACAnnotations.created: "org.opencontainers.image.created",
    ACAnnotations.authors: "org.opencontainers.image.authors",
    ACAnnotations.homepage: "org.opencontainers.image.url",
    ACAnnotations.documentation: "org.opencontainers.image.documentation",
  ]
}
