import AppContainer
import ArgumentParser
import ContainerImage
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes
import Trust

#if canImport(Glibc)
  import Glibc
#endif

/// `kontor aci trust`
struct ACITrustCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust", abstract: "Trust a key to sign App Container images.",
    discussion: """
      Without a key's place, it is the keys that the prefix's host names. Compare the fingerprints with what their owner \
      says, on another way. Keys are kept as rkt keeps them: for this user below ~/.config/rkt/trustedkeys, or in \
      /etc/rkt/trustedkeys with --system.

      Example: kontor aci trust --prefix example.com/app
      """)

  @Option(help: ArgumentHelp("The beginning of the names that it may sign.", valueName: "prefix")) var prefix:
    String?
  @Flag(help: "Trust it for all names.") var root = false
  @Flag(help: "For all users of this machine, and for rkt.") var system = false
  @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false
  @Argument(help: ArgumentHelp("Where the key is: a file, or an address.", valueName: "file|url")) var keys:
    [String] = []
  @OptionGroup var arguments: ClientArguments

  mutating func validate() throws {
    guard (prefix != nil) != root else {
      throw ValidationError("give --prefix PREFIX for which the key is trusted, or --root for all names")
    }
    if root, keys.isEmpty { throw ValidationError("--root needs the place of a key") }
  }

  func run() throws {
    Interruption.watch()
    let scope = try scope()
    let client = try arguments.appContainerClient()
    var places = keys
    if places.isEmpty, let prefix {
      let name = try ConfigurationError.translating { () throws(AppContainerError) in
        try ACIdentifier(parsing: prefix)
      }
      places = try client.discoverKeys(for: name) { if !arguments.quiet { printError("\($0)") } }
    }
    let store = KeyPrefixStore(
      directories: [system ? KeyPrefixStore.rktDirectories[1] : TrustedKeys.own])
    for place in places {
      let now = Date()
      let keyring = try keyring(at: place, client, now)
      for key in keyring.keys {
        show(key, place)
        guard try isAccepted() else { continue }
        print(try store.add(key.fingerprint, from: keyring, for: scope, at: now))
      }
    }
  }

  private func scope() throws(ConfigurationError) -> KeyPrefixStore.Scope {
    guard let prefix else { return .everyImage }
    do {
      return .prefix(try KeyPrefix(parsing: prefix))
    } catch {
      throw ConfigurationError("--prefix: \(error)")
    }
  }

  private func keyring(at place: String, _ client: AppContainerClient, _ now: Date) throws -> OpenPGPKeyring {
    let bytes: [UInt8]
    if place.contains("://") {
      bytes = try client.keys(at: place)
    } else {
      guard let data = try? Data(contentsOf: URL(filePath: place)) else {
        throw TransferError.notFound("\(place) cannot be read")
      }
      bytes = Array(data)
    }
    do {
      return try OpenPGPKeyring(parsing: bytes, at: now)
    } catch {
      throw TransferError.failed("\(place): \(error)")
    }
  }

  private func show(_ key: OpenPGPKey, _ place: String) {
    printError("\(place):")
    printError("  \(key.fingerprint) \(key.primary.algorithm)")
    for user in key.userIDs { printError("  \(user.quotedForMessage)") }
  }

  private func isAccepted() throws -> Bool {
    if yes { return true }
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
      throw ConfigurationError("there is no terminal to ask on: compare the fingerprint, then use --yes")
    }
    while true {
      let what = root ? "all images" : "images of \(prefix ?? "")"
      guard let answer = Prompt.line("Trust this key for \(what)? (yes or no) ") else { return false }
      switch answer.lowercased() {
      case "yes", "y": return true
      case "no", "n": return false
      default: continue
      }
    }
  }
}
