import AppContainer
import Archive
import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// `kontor aci`
struct ACICommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aci", abstract: "Find, make and look at App Container images.",
    subcommands: [
      ACIDiscoverCommand.self, ACITrustCommand.self, ACIBuildCommand.self, ACIValidateCommand.self,
      ACICatManifestCommand.self, ACIExtractCommand.self,
    ])
}

/// `kontor aci discover`
struct ACIDiscoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discover", abstract: "Say where an image and its keys are, as its host says.",
    discussion: """
      The pages that are asked for, and what came of each, go to standard error; the addresses of the image, its \
      signature and its keys to standard output. Labels that are not given are os and arch of this machine.

      Example: kontor aci discover example.com/hello:1.0.0
      """)

  @Argument(help: "NAME[:VERSION][,LABEL=VALUE…]") var name: String
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let wanted = try ConfigurationError.translating { () throws(AppContainerError) in
      try ACImageName(parsing: name).with(.current)
    }
    let client = try arguments.appContainerClient()
    let places = try client.discover(wanted) { if !arguments.quiet { printError("\($0)") } }
    var keys: [String] = []
    do {
      keys = try client.discoverKeys(for: wanted.name)
    } catch TransferError.notFound {
      // An image need not be signed.
    }
    switch arguments.format {
    case .text:
      for place in places { print("image \(place.image)\nsignature \(place.signature)") }
      for key in keys { print("key \(key)") }
    case .json:
      var json = OrderedJSON.object([])
      json["images"] = .array(
        places.map { place in
          .object([
            .init(name: "image", value: .string(place.image)),
            .init(name: "signature", value: .string(place.signature)),
          ])
        })
      json["keys"] = .array(keys.map { .string($0) })
      print(json.line)
    }
  }
}

/// `kontor aci build`
struct ACIBuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Make an image of a directory with a manifest and a rootfs.",
    discussion: "Example: kontor aci build hello hello.aci")

  @Argument(help: "The directory: the file manifest and the directory rootfs are in it.") var directory:
    String
  @Argument(help: "The image to make.") var file: String
  @Option(help: "gzip, bzip2, xz or none.") var compression = ACICompression.gzip

  enum ACICompression: String, ExpressibleByArgument, CaseIterable {
    case gzip, bzip2, xz, none
  }

  func run() throws {
    Interruption.watch()
    let imageID = try ACIDirectory.build(
      directory, to: file, compression: Compression(rawValue: compression.rawValue) ?? .gzip
    ) { if Interruption.isRequested { throw TransferError.cancelled } }
    print("\(imageID)")
  }
}

/// `kontor aci validate`
struct ACIValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Say what an image is, or why it is none.",
    discussion: "Example: kontor aci validate hello.aci")

  @Argument(help: "The image.") var file: String
  @OptionGroup var limits: UnpackLimitArguments
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() throws {
    Interruption.watch()
    let summary = try ACIDirectory.summary(of: file, limits: try limits.limits())
    let name = ACImageName(name: summary.manifest.name, labels: summary.manifest.labels)
    switch format {
    case .text: print("\(name)\n\(summary.imageID)")
    case .json:
      var json = OrderedJSON.object([])
      json["name"] = .string("\(name)")
      json["imageID"] = .string("\(summary.imageID)")
      json["compression"] = .string(summary.compression.rawValue)
      json["size"] = .literal("\(summary.size)")
      print(json.line)
    }
  }
}

/// `kontor aci cat-manifest`
struct ACICatManifestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat-manifest", abstract: "Write the manifest of an image as it is.",
    discussion: "Example: kontor aci cat-manifest hello.aci")

  @Argument(help: "The image.") var file: String
  @OptionGroup var limits: UnpackLimitArguments

  func run() throws {
    Interruption.watch()
    writeOut(try ACIDirectory.summary(of: file, limits: try limits.limits()).manifestBytes)
  }
}

/// `kontor aci extract`
struct ACIExtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract", abstract: "Unpack an image: its manifest and its rootfs.",
    discussion: "Example: kontor aci extract hello.aci hello")

  @Argument(help: "The image.") var file: String
  @Argument(help: "The directory to make.") var directory: String
  @Flag(help: "Unpack the root file system alone, as the directory itself.") var rootfs = false
  @OptionGroup var limits: UnpackLimitArguments

  func run() throws {
    Interruption.watch()
    let notes = try ACIDirectory.extract(
      file, to: directory, onlyRootFS: rootfs, limits: try limits.limits(),
      isCancelled: { Interruption.isRequested })
    for note in notes { printError("kontor: note: \(note)") }
  }
}
