import ArgumentParser
import ContainerImage
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes
import Trust

/// `kontor sign`
struct SignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign", abstract: "Sign an image in a registry.",
    discussion: """
      As Podman and skopeo do (--sign-by-gpg), as cosign does with a key (--key), or as notation does (--notation-key), or in \
      several of these forms at once. What is signed is the digest that the tag means now, which is printed. Of an image for \
      several platforms it is the index. Signatures of Podman's form go to the registry if it takes some, else to the place \
      that registries.d names.

      Example: kontor sign --key cosign.key localhost:5000/hello:v1
      Example: kontor sign --sign-by-gpg secret.asc --passphrase-file passphrase localhost:5000/hello:v1
      """)

  @Argument(help: "The image: [REGISTRY/]NAME[:TAG][@DIGEST].") var reference: String
  @Option(
    help: ArgumentHelp("A secret key, as 'gpg --export-secret-keys' writes it.", valueName: "file"))
  var signByGpg: String?
  @Option(help: ArgumentHelp("A key: cosign.key, or a private key in PEM.", valueName: "file"))
  var key: String?
  @Flag(help: "With --key: a bundle that refers to the image, as of cosign 3, and not an image under a tag.")
  var bundle = false
  @Option(help: ArgumentHelp("A private key in PEM, for a signature of notation's.", valueName: "file"))
  var notationKey: String?
  @Option(
    help: ArgumentHelp(
      "Its certificates in PEM, from its own to the root's.", valueName: "file")) var notationCert: String?
  @OptionGroup var passphrase: PassphraseArguments
  @OptionGroup var arguments: ClientArguments

  mutating func validate() throws {
    guard signByGpg != nil || key != nil || notationKey != nil else {
      throw ValidationError("there is no key: give --sign-by-gpg, --key or --notation-key")
    }
    guard (notationKey == nil) == (notationCert == nil) else {
      throw ValidationError("--notation-key and --notation-cert belong together: give both")
    }
    guard !bundle || key != nil else { throw ValidationError("--bundle is for --key: give both") }
  }

  func run() throws {
    Interruption.watch()
    let time = Date()
    let openPGP = try signByGpg.map {
      try SigningKeyFile.openPGP($0, passphrase: { try passphrase.secret() }, at: time)
    }
    let sigstore = try key.map {
      SigstoreSigner(
        key: try SigningKeyFile.key($0, passphrase: { try passphrase.secret("COSIGN_PASSWORD") }))
    }
    var notation: NotationSigner?
    if let notationKey, let notationCert {
      notation = try NotationSigner(
        key: try SigningKeyFile.key(notationKey, passphrase: { try passphrase.secret() }),
        certificates: try SigningKeyFile.certificates(notationCert))
    }
    let image = try RegistryArgument.reference(reference)
    let client = try arguments.client()
    let repository = try client.repository(image, for: .push)
    let manifest = try repository.manifest()
    let signatures = try client.signatures(in: repository)
    let name = ImageReference(
      registry: image.registry, repository: image.repository,
      tag: image.tag ?? (image.digest == nil ? .latest : nil),
      digest: image.tag == nil ? image.digest : nil)
    if let openPGP {
      let message = try SimpleSigning.sign(
        manifest.digest, as: name, creator: client.options.userAgent, by: openPGP, at: time)
      let place = try signatures.add(simpleSignature: message, of: manifest.digest)
      tell("the signature by \(openPGP.key.fingerprint) is \(place)")
    }
    if let sigstore {
      if bundle {
        try signatures.add(
          bundle: try sigstore.bundle(of: manifest.digest), of: manifest.descriptor, at: time)
      } else {
        try signatures.add(try sigstore.signature(of: manifest.digest, as: name), of: manifest.digest)
      }
      tell("signed by public key sha256:\(sigstore.publicKey.keyID)")
    }
    if let notation {
      try signatures.add(
        try notation.sign(manifest.descriptor, at: time, agent: client.options.userAgent))
      tell("signed with the certificate of \(notationCert ?? "")")
    }
    print("\(manifest.digest)")
  }

  private func tell(_ sentence: String) { if !arguments.quiet { printError(sentence) } }
}

/// `kontor generate-key-pair`
struct GenerateKeyPairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate-key-pair", abstract: "Make a key for 'kontor sign --key', as cosign does.",
    discussion: """
      The secret half, cosign.key, is protected by a passphrase: that of COSIGN_PASSWORD, of a file, or asked for. The public \
      half is cosign.pub. Files that are there already stay as they are.

      Example: kontor generate-key-pair --output-key-prefix team
      """)

  @Option(help: ArgumentHelp("Their names without .key and .pub.", valueName: "prefix"))
  var outputKeyPrefix = "cosign"
  @OptionGroup var passphrase: PassphraseArguments

  func run() throws {
    let key = try SigningKeyFile.makePair(
      outputKeyPrefix, passphrase: try passphrase.secret("COSIGN_PASSWORD"))
    print("\(outputKeyPrefix).pub: public key sha256:\(key.keyID)")
  }
}

/// What opens a secret key.
struct PassphraseArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The file with the key's passphrase (default: COSIGN_PASSWORD for cosign.key, else asked for).",
      valueName: "file")) var passphraseFile: String?

  /// - Parameter variable: of the environment, which may have it.
  func secret(_ variable: String? = nil) throws -> SecretBytes {
    if let passphraseFile { return try SigningKeyFile.passphrase(passphraseFile) }
    if let variable, let text = ProcessInfo.processInfo.environment[variable] {
      return SecretBytes(text.utf8)
    }
    guard let typed = Prompt.secret("Passphrase: ") else {
      throw ConfigurationError("there is no terminal to ask for the passphrase on: use --passphrase-file")
    }
    return SecretBytes(typed.exposed.utf8)
  }
}
