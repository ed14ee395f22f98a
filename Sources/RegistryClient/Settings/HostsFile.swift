import ContainerImage

/// Reads a `hosts.toml`.
enum HostsFile {
  /// - Parameter directory: of the file, which paths in it are relative to.
  /// - Throws: `SettingsError.malformed`
  static func parse(_ text: String, _ directory: String) throws(SettingsError) -> [HostsConfiguration.Host] {
    let file = try TOMLSection(parsing: text, path: directory + "/hosts.toml")
    var hosts: [HostsConfiguration.Host] = []
    if let tables = try file.section("host") {
      for name in inOrder(tables.keys, text) {
        guard let section = try tables.section(name) else { continue }
        hosts.append(try host(section, server: name, key: name, directory))
      }
    }
    let server = try file.string("server") ?? ""
    var last = try host(file, server: server.isEmpty ? nil : server, key: "server", directory)
    // Without a server's name its capabilities are not looked at: it is the registry itself.
    if last.server == nil { last.capabilities = Set(HostsConfiguration.Capability.allCases) }
    return hosts + [last]
  }

  private static func host(
    _ section: TOMLSection, server: String?, key: String, _ directory: String
  ) throws(SettingsError) -> HostsConfiguration.Host {
    var host = HostsConfiguration.Host()
    if let server {
      let overridesPath = try section.boolean("override_path") ?? false
      do throws(InvalidValue) {
        host.server = try self.server(server, overridesPath: overridesPath)
      } catch {
        throw .malformed(path: section.path, reason: "\(key.quotedForMessage): \(error)")
      }
    }
    if let names = try section.strings("capabilities"), !names.isEmpty {
      host.capabilities = []
      for name in names {
        guard let capability = HostsConfiguration.Capability(rawValue: name.lowercased()) else {
          throw section.failure(
            "capabilities", "may have pull, resolve, push and referrers, not \(name.quotedForMessage)")
        }
        host.capabilities.insert(capability)
      }
    }
    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : directory + "/" + path }
    switch try section.texts("ca") {
    case nil: break
    case .text(let path): host.certificates.authorities = [absolute(path)]
    case .list: host.certificates.authorities = try (section.strings("ca") ?? []).map(absolute)
    }
    host.certificates.clients = try clients(section, absolute)
    host.skipsVerification = try section.boolean("skip_verify")
    host.headers = try headers(section)
    return host
  }

  /// A URL, or a host, which means `https://`; with a path, of which `/v2` is the end.
  private static func server(
    _ text: String, overridesPath: Bool
  ) throws(InvalidValue) -> HostsConfiguration.Server {
    var scheme = RegistryEndpoint.Scheme.https
    var rest = text[...]
    if let mark = text.firstRange(of: "://") {
      guard let named = RegistryEndpoint.Scheme(rawValue: text[..<mark.lowerBound].lowercased()) else {
        throw .malformed("expected a URL that begins with https:// or http://")
      }
      scheme = named
      rest = text[mark.upperBound...]
    }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let host = try RegistryHost(parsing: rest[..<slash])
    guard !rest.contains(where: { "?#".contains($0) }) else {
      throw .malformed("expected a URL without a query and a fragment")
    }
    let components = rest[slash...].split(separator: "/").filter { $0 != "." }
    guard !components.contains("..") else { throw .malformed("expected a path without \"..\"") }
    var path = components.map { "/" + $0 }.joined()
    if !overridesPath, !path.hasSuffix("/v2") { path += "/v2" }
    return HostsConfiguration.Server(scheme: scheme, host: host, apiPath: path)
  }

  /// A path, or a list of paths (files with certificate and key) and of pairs of paths.
  private static func clients(
    _ section: TOMLSection, _ absolute: (String) -> String
  ) throws(SettingsError) -> [RegistryCertificates.Client] {
    func client(_ certificate: String, _ key: String) -> RegistryCertificates.Client {
      .init(certificate: absolute(certificate), key: absolute(key.isEmpty ? certificate : key))
    }
    switch try section.texts("client") {
    case nil: return []
    case .text(let path): return [client(path, "")]
    case .list(let items):
      var clients: [RegistryCertificates.Client] = []
      for item in items {
        switch item {
        case .text(let path): clients.append(client(path, ""))
        case .list(let pair):
          guard pair.count == 2, let certificate = pair[0].text, let key = pair[1].text else {
            throw section.failure("client", "may have paths, and pairs of paths of a certificate and its key")
          }
          clients.append(client(certificate, key))
        }
      }
      return clients
    }
  }

  private static func headers(_ section: TOMLSection) throws(SettingsError) -> [RegistryEndpoint.Header] {
    guard let table = try section.section("header") else { return [] }
    var headers: [RegistryEndpoint.Header] = []
    for name in table.keys {
      let values: [String]
      switch try table.texts(name) {
      case nil: values = []
      case .text(let value): values = [value]
      case .list: values = try table.strings(name) ?? []
      }
      // Either could end the line, and begin another header or the body.
      let isName =
        !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ":") }
      guard isName, values.allSatisfy({ !$0.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f } }) else {
        throw table.failure(
          name, "is no header: expected a name of visible characters, and a value of one line")
      }
      headers += values.map { .init(name: name, value: Secret($0)) }
    }
    return headers
  }

  /// The order in which the file's tables `[host."…"]` begin; the parser does not keep it. Tables that are written in another
  /// way, which containerd passes over, come last.
  private static func inOrder(_ names: [String], _ text: String) -> [String] {
    var ordered: [String] = []
    for line in text.split(whereSeparator: \.isNewline) {
      guard let name = hostOfTable(line), names.contains(name), !ordered.contains(name) else { continue }
      ordered.append(name)
    }
    return ordered + names.filter { !ordered.contains($0) }
  }

  /// `NAME` of a line `[host."NAME"]` or `[host."NAME".header]`.
  private static func hostOfTable(_ line: Substring) -> String? {
    var rest = line.trimmed
    func skip(_ text: String) -> Bool {
      rest = rest.drop { $0 == " " || $0 == "\t" }
      guard rest.hasPrefix(text) else { return false }
      rest = rest.dropFirst(text.count)
      return true
    }
    guard skip("["), skip("host") || skip("\"host\"") || skip("'host'"), skip(".") else { return nil }
    for quote in ["\"", "'"] where skip(quote) {
      return rest.firstIndex(of: Character(quote)).map { String(rest[..<$0]) }
    }
    return String(rest.drop { $0 == " " }.prefix { $0 != "." && $0 != "]" && $0 != " " })
  }
}
