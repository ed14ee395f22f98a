import ContainerImage

extension RegistriesConfiguration {
  /// Reads what the user and the machine have (containers-registries.conf(5) and containers-registries.conf.d(5)): the file that
  /// `CONTAINERS_REGISTRIES_CONF` names, else the user's, else the machine's, and after it the `*.conf` files of
  /// `/etc/containers/registries.conf.d` and of the user's directory of that name; with the user's file, of the latter only.
  /// - Throws: `SettingsError.unreadable`, `.malformed`
  public init(_ environment: UserEnvironment) throws(SettingsError) {
    let users = environment.home + "/.config/containers/registries.conf"
    let machines = environment.machine("/etc/containers/registries.conf")
    var directories = [machines + ".d", users + ".d"]
    let main: String
    if let named = environment["CONTAINERS_REGISTRIES_CONF"] {
      main = named
      guard SettingsFile.exists(named) else {
        throw .unreadable(path: named, reason: "CONTAINERS_REGISTRIES_CONF names it, but it is not there")
      }
    } else if SettingsFile.exists(users) {
      main = users
      directories.removeFirst()
    } else {
      main = machines
    }
    self.init()
    try merge(main, mayBeOld: true)
    for directory in directories {
      for name in try SettingsFile.names(in: directory) ?? [] where name.hasSuffix(".conf") {
        try merge(directory + "/" + name, mayBeOld: false)
      }
    }
  }

  /// Takes over a file's settings: tables for a prefix that is there already replace it, lists replace lists.
  private mutating func merge(_ path: String, mayBeOld: Bool) throws(SettingsError) {
    guard let text = try SettingsFile.text(path) else { return }
    let file = try TOMLSection(parsing: text, path: path)
    if let old = try file.section("registries") {
      guard mayBeOld else {
        throw .malformed(
          path: path, reason: "a file of this directory may not have the old format's [registries]")
      }
      try mergeOldFormat(old)
    }
    if let list = try file.strings("unqualified-search-registries") { searchRegistries = list }
    if let list = try file.strings("credential-helpers") { credentialHelpers = list }
    if let section = try file.section("aliases") {
      for key in section.keys {
        let value = try section.string(key) ?? ""
        aliases[key] = value.isEmpty ? nil : value
      }
    }
    var own: [Registry] = []
    for section in try file.sections("registry") {
      let registry = try Registry(section)
      // Of several tables for one prefix in a file, the first counts.
      if !own.contains(where: { $0.prefix == registry.prefix }) { own.append(registry) }
    }
    registries.removeAll { old in own.contains { $0.prefix == old.prefix } }
    registries += own
  }

  /// Version 1, deprecated: lists of registries to search, to take as insecure, and to block.
  private mutating func mergeOldFormat(_ section: TOMLSection) throws(SettingsError) {
    searchRegistries = try section.section("search")?.strings("registries") ?? []
    let insecure = try section.section("insecure")?.strings("registries") ?? []
    let blocked = try section.section("block")?.strings("registries") ?? []
    for prefix in Set(insecure + blocked).sorted() {
      registries.append(
        Registry(
          prefix: prefix, location: prefix, isInsecure: insecure.contains(prefix),
          isBlocked: blocked.contains(prefix), mirrors: []))
    }
  }
}

extension RegistriesConfiguration.Registry {
  fileprivate init(_ section: TOMLSection) throws(SettingsError) {
    let location = try section.location("location")
    guard let prefix = try section.location("prefix") ?? location else {
      throw section.failure("location", "is missing: a registry needs location or prefix")
    }
    self.prefix = prefix
    isInsecure = try section.boolean("insecure") ?? false
    isBlocked = try section.boolean("blocked") ?? false
    mirrors = []
    let isWildcard = prefix.hasPrefix("*.")
    self.location = location ?? (isWildcard ? nil : prefix)
    let rest = isWildcard ? prefix.dropFirst(2) : prefix[...]
    guard !rest.contains("*"), !isWildcard || !rest.contains(where: { "/:@".contains($0) }) else {
      throw section.failure(
        "prefix", "may have a * only at its beginning and before a domain alone: *.example.com")
    }
    guard try section.string("pull-from-mirror") == nil else {
      throw section.failure("pull-from-mirror", "is for mirrors only")
    }
    let isByDigestOnly = try section.boolean("mirror-by-digest-only") ?? false
    for mirror in try section.sections("mirror") {
      mirrors.append(try .init(mirror, isByDigestOnly: isByDigestOnly))
    }
  }
}

extension RegistriesConfiguration.Mirror {
  fileprivate init(_ section: TOMLSection, isByDigestOnly: Bool) throws(SettingsError) {
    guard let location = try section.location("location") else {
      throw section.failure("location", "is missing")
    }
    self.location = location
    isInsecure = try section.boolean("insecure") ?? false
    use = isByDigestOnly ? .digestOnly : .all
    guard let text = try section.string("pull-from-mirror"), !text.isEmpty else { return }
    guard !isByDigestOnly else {
      throw section.failure("pull-from-mirror", "may not be there together with mirror-by-digest-only")
    }
    guard let use = RegistriesConfiguration.MirrorUse(rawValue: text) else {
      throw section.failure("pull-from-mirror", "has to be \"all\", \"digest-only\" or \"tag-only\"")
    }
    self.use = use
  }
}

extension TOMLSection {
  /// A prefix or location; an empty one counts as missing.
  fileprivate func location(_ key: String) throws(SettingsError) -> String? {
    guard var text = try string(key) else { return nil }
    guard !text.contains("://") else {
      throw failure(key, "has to be a registry, and perhaps a repository's beginning, without https://")
    }
    while text.hasSuffix("/") { text.removeLast() }
    return text.isEmpty ? nil : text
  }
}
