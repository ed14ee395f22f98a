import ContainerImage

extension ACApp {
  private static let names = [
    "exec", "user", "group", "supplementaryGIDs", "eventHandlers", "workingDirectory", "environment",
    "mountPoints", "ports", "isolators", "userAnnotations", "userLabels",
  ]

  /// - Throws: `AppContainerError.invalidField`
  init(_ fields: ManifestFields) throws(AppContainerError) {
    self.init(user: try Self.filled("user", of: fields), group: try Self.filled("group", of: fields))
    exec = try fields.strings("exec")
    eventHandlers = try Self.eventHandlers(fields)
    for (index, element) in try fields.elements("supplementaryGIDs").enumerated() {
      let path = fields.path(of: "supplementaryGIDs[\(index)]")
      let number = try ManifestFields.integer(element, in: 0...Int64(UInt32.max), at: path)
      supplementaryGroupIDs.append(UInt32(number))
    }
    workingDirectory = try fields.string("workingDirectory").flatMap { $0.isEmpty ? nil : $0 }
    if let workingDirectory, !workingDirectory.hasPrefix("/") {
      throw fields.failure(
        "workingDirectory", "\(workingDirectory.quotedForMessage) is relative: expected an absolute path")
    }
    environment = try Self.environment(fields)
    for object in try fields.objects("mountPoints") {
      mountPoints.append(
        MountPoint(
          name: try object.requiredParsed("name", ACName.init(parsing:)),
          path: try Self.filled("path", of: object), isReadOnly: try object.boolean("readOnly") ?? false))
    }
    for object in try fields.objects("ports") { ports.append(try Port(object)) }
    for object in try fields.objects("isolators") { isolators.append(try ACIsolator(object)) }
    try ACIsolator.check(isolators, at: fields.path(of: "isolators"))
    userAnnotations = try fields.dictionary("userAnnotations")
    userLabels = try fields.dictionary("userLabels")
    otherFields = fields.others(than: Self.names)
  }

  private static func filled(_ name: String, of fields: ManifestFields) throws(AppContainerError) -> String {
    let text = try fields.requiredString(name)
    guard !text.isEmpty else { throw fields.failure(name, "it must not be empty") }
    return text
  }

  private static func eventHandlers(_ fields: ManifestFields) throws(AppContainerError) -> [EventHandler] {
    var handlers: [EventHandler] = []
    for object in try fields.objects("eventHandlers") {
      guard let event = EventHandler.Event(rawValue: try object.requiredString("name")) else {
        throw object.failure("name", "expected pre-start or post-stop")
      }
      guard !handlers.contains(where: { $0.event == event }) else {
        throw object.failure("name", "there is another handler of \(event.rawValue): leave one of them out")
      }
      handlers.append(EventHandler(event: event, exec: try object.strings("exec")))
    }
    return handlers
  }

  private static func environment(
    _ fields: ManifestFields
  ) throws(AppContainerError) -> [EnvironmentVariable] {
    var variables: [EnvironmentVariable] = []
    var names: Set<String> = []
    for object in try fields.objects("environment") {
      let value = try object.requiredString("value")
      let variable = try object.requiredParsed("name") { (name) throws(AppContainerError) in
        try EnvironmentVariable(name: name, value: value)
      }
      guard names.insert(variable.name).inserted else {
        throw object.failure("name", "the variable \(variable.name.quotedForMessage) is there twice")
      }
      variables.append(variable)
    }
    return variables
  }

  /// The same for equal values; lists that are empty are left out.
  var json: OrderedJSON {
    var members = MemberList()
    members.add("exec", .strings(exec))
    members.add(
      list: "eventHandlers",
      eventHandlers.map { handler in
        .object([
          .init(name: "name", value: .string(handler.event.rawValue)),
          .init(name: "exec", value: .strings(handler.exec)),
        ])
      })
    members.add("user", .string(user))
    members.add("group", .string(group))
    members.add(list: "supplementaryGIDs", supplementaryGroupIDs.map { .literal("\($0)") })
    if let workingDirectory { members.add("workingDirectory", .string(workingDirectory)) }
    members.add(list: "environment", environment.map { .nameAndValue($0.name, .string($0.value)) })
    members.add(list: "mountPoints", mountPoints.map(\.json))
    members.add(list: "ports", ports.map(\.json))
    members.add(list: "isolators", isolators.map(\.json))
    if !userAnnotations.isEmpty { members.add("userAnnotations", .dictionary(userAnnotations)) }
    if !userLabels.isEmpty { members.add("userLabels", .dictionary(userLabels)) }
    return .object(members.members + otherFields)
  }
}

extension ACApp.Port {
  init(_ fields: ManifestFields) throws(AppContainerError) {
    let name = try fields.requiredParsed("name", ACName.init(parsing:))
    guard let port = try fields.integer("port", in: 1...65535) else {
      throw fields.failure("port", "it is missing; expected an integer from 1 to 65535")
    }
    // The schema writes 0 for what was left out.
    let count = try fields.integer("count", in: 0...65535) ?? 1
    do {
      try self.init(
        name: name, transport: try fields.requiredString("protocol"), port: Int(port),
        count: max(1, Int(count)),
        isSocketActivated: try fields.boolean("socketActivated") ?? false)
    } catch .malformed(let reason) {
      throw fields.failure("count", reason)
    }
  }

  fileprivate var json: OrderedJSON {
    var members = MemberList()
    members.add("name", .string(name.description))
    members.add("protocol", .string(transport))
    members.add("port", .literal("\(port)"))
    members.add("count", .literal("\(count)"))
    members.add("socketActivated", .literal(isSocketActivated ? "true" : "false"))
    return .object(members.members)
  }
}

extension ACApp.MountPoint {
  fileprivate var json: OrderedJSON {
    var members = MemberList()
    members.add("name", .string(name.description))
    members.add("path", .string(path))
    if isReadOnly { members.add("readOnly", .literal("true")) }
    return .object(members.members)
  }
}
