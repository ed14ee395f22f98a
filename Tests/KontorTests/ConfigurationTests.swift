import Foundation
import HTTPServer
import Testing

@testable import kontor

@Suite("configuration")
struct ConfigurationTests {
  private let reader = ConfigurationReader()

  private func settings(_ json: String, _ environment: [String: String] = [:]) throws -> Settings {
    let file = FileManager.default.temporaryDirectory.appending(path: "kontor-\(UUID().uuidString).json")
    try Data(json.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try reader.settings(file: file.path, environment: environment)
  }

  private func failure(_ json: String, _ environment: [String: String] = [:]) throws -> String {
    let error = try #require(throws: ConfigurationError.self) { try settings(json, environment).validate() }
    return error.description
  }

  @Test("without a file and an environment, everything has its default")
  func defaults() throws {
    #expect(try reader.settings(file: nil, environment: [:]) == Settings())
    #expect(Settings().listen == [.tcp(host: "127.0.0.1", port: 5000)])
  }

  @Test("config.example.json has every key, with its default")
  func example() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let content = try Data(contentsOf: root.appending(path: "config.example.json"))
    let written = try JSONDecoder().decode([String: [String: JSONValue]].self, from: content)
    let paths = written.flatMap { section, members in members.keys.map { "\(section).\($0)" } }
    #expect(Set(paths) == Set(ConfigurationKey.all.map(\.path)))
    for key in ConfigurationKey.all {
      let expected = try JSONDecoder().decode(JSONValue.self, from: Data(key.print(Settings()).utf8))
      #expect(written[String(key.section)]?[String(key.name)] == expected, "\(key.path)")
    }
    #expect(try settings(String(decoding: content, as: UTF8.self)) == Settings())
  }

  @Test("what a key prints, it reads back", arguments: ConfigurationKey.all.map(\.path))
  func printedValuesAreRead(path: String) throws {
    let key = try #require(ConfigurationKey.all.first { $0.path == path })
    var original = Settings()
    original.listen = [.tcp(host: "::", port: 443), .unix(path: "/run/a \"b\".sock")]
    original.tlsKey = "/etc/kontor/key.pem"
    original.gcInterval = .milliseconds(5_400_250)
    original.scrubRate = 1_000_003
    var read = Settings()
    let json = try JSONDecoder().decode(JSONValue.self, from: Data(key.print(original).utf8))
    #expect(key.set(json, &read))
    #expect(key.print(read) == key.print(original))
  }

  @Test("the environment wins over the file, and both over the defaults")
  func precedence() throws {
    let json =
      #"{"gc": {"interval": "5m", "grace": "10m"}, "server": {"listen": ["127.0.0.1:1", "[::1]:2"]}}"#
    let result = try settings(json, ["KONTOR_GC_INTERVAL": "90s", "KONTOR_PUSH_ALLOWSPARSE": "indexes"])
    #expect(result.gcInterval == .seconds(90))
    #expect(result.gcGrace == .seconds(600))
    #expect(result.allowSparse == .indexes)
    #expect(result.listen == [.tcp(host: "127.0.0.1", port: 1), .tcp(host: "::1", port: 2)])
    #expect(result.uploadExpiry == Settings().uploadExpiry)
  }

  @Test("the environment writes lists, numbers and booleans as text")
  func environmentValues() throws {
    let result = try reader.settings(
      file: nil,
      environment: [
        "KONTOR_SERVER_LISTEN": "127.0.0.1:80,unix:/run/kontor.sock", "KONTOR_SERVER_THREADS": "3",
        "KONTOR_LOG_ACCESS": "false", "KONTOR_SCRUB_RATE": "1000000",
      ])
    #expect(result.listen == [.tcp(host: "127.0.0.1", port: 80), .unix(path: "/run/kontor.sock")])
    #expect(result.threads == 3)
    #expect(!result.logAccess)
    #expect(result.scrubRate == 1_000_000)
  }

  @Test("variables that container platforms make up are left alone")
  func foreignVariables() throws {
    let environment = [
      "KONTOR_SERVICE_HOST": "10.0.0.1", "KONTOR_PORT": "tcp://10.0.0.1:5000", "HOME": "/root",
    ]
    #expect(try reader.settings(file: nil, environment: environment) == Settings())
  }

  @Test(
    "what is wrong stops the start and says where, what, and what was expected",
    arguments: [
      (#"{"sever": {}}"#, ["unknown section sever", "server"]),
      (#"{"server": {"lisen": []}}"#, ["unknown key server.lisen", "listen"]),
      (#"{"server": []}"#, ["server is []", "an object"]),
      (#"[]"#, ["holds []", "an object"]),
      (#"{"server": "#, ["no valid JSON"]),
      (#"{"server": {"listen": "localhost"}}"#, ["server.listen is \"localhost\"", "127.0.0.1:5000"]),
      (#"{"server": {"listen": ["127.0.0.1:70000"]}}"#, ["server.listen", "127.0.0.1:70000"]),
      (#"{"server": {"listen": []}}"#, ["server.listen is empty"]),
      (#"{"server": {"threads": -1}}"#, ["server.threads is -1", "from 0 to 256"]),
      (#"{"server": {"threads": 1.5}}"#, ["server.threads is 1.5"]),
      (#"{"server": {"headerTimeout": "0s"}}"#, ["server.headerTimeout is \"0s\"", "at least 1s"]),
      (#"{"server": {"headerTimeout": 15}}"#, ["server.headerTimeout is 15", "30s"]),
      (#"{"push": {"allowSparse": true}}"#, ["push.allowSparse is true", "off, indexes, all"]),
      (#"{"push": {"maxManifestSize": "1KiB"}}"#, ["push.maxManifestSize is \"1KiB\"", "64KiB"]),
      (#"{"push": {"maxManifestSize": "4 MiB"}}"#, ["push.maxManifestSize is \"4 MiB\""]),
      (#"{"gc": {"interval": "1 fortnight"}}"#, ["gc.interval is \"1 fortnight\"", "1h30m"]),
      (#"{"gc": {"interval": "-1h"}}"#, ["gc.interval"]),
      (#"{"gc": {"grace": "99999999999999999d"}}"#, ["gc.grace"]),
      (#"{"storage": {"data": ""}}"#, ["storage.data is \"\"", "a path"]),
      (#"{"log": {"level": "loud"}}"#, ["log.level is \"loud\"", "trace, debug, info"]),
      (#"{"log": {"access": "yes"}}"#, ["log.access is \"yes\"", "true or false"]),
      (#"{"tls": {"certificate": "a.pem"}}"#, ["tls.certificate is set but tls.key is not"]),
      (#"{"tls": {"key": "a.pem"}}"#, ["tls.key is set but tls.certificate is not"]),
    ])
  func badFiles(json: String, expected: [String]) throws {
    let message = try failure(json)
    for part in expected { #expect(message.contains(part), "\(message)") }
  }

  @Test("a bad environment variable is named")
  func badEnvironment() throws {
    #expect(try failure("{}", ["KONTOR_GC_INTERVALL": "1h"]).contains("KONTOR_GC_INTERVALL"))
    let message = try failure("{}", ["KONTOR_GC_INTERVAL": "soon"])
    #expect(message.contains("KONTOR_GC_INTERVAL is \"soon\"") && message.contains("1h30m"))
  }

  @Test("a file that is not there is named")
  func missingFile() {
    #expect(throws: ConfigurationError.self) {
      try reader.settings(file: "/nowhere/kontor.json", environment: [:])
    }
  }
}
