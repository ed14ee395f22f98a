import ArgumentParser
import ContainerImage
import ImageTransfer
import Runtimes

#if canImport(Glibc)
  import Glibc
#endif

/// What `kontor copy` takes for several images, and for an archive of them.
struct TransferArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where all images go: archive:FILE, or REGISTRY[/PREFIX], where each keeps its own name behind the prefix.",
      valueName: "destination"))
  var to: String?

  @Option(
    help: ArgumentHelp(
      "A file with further images to copy, one a line; # begins a comment, - is standard input.",
      valueName: "file"))
  var fromFile: String?

  @Option(
    help: ArgumentHelp(
      "Leave out of the archive the blobs that the other side has: those that this inventory or earlier archive lists. May be "
        + "repeated.", valueName: "file"))
  var since: [String] = []

  @Option(
    help: ArgumentHelp(
      "Write what the other side has when it has imported the archive, for the next one's --since.",
      valueName: "file"))
  var inventory: String?

  @Flag(help: "Make the registry that an image comes from a part of its name behind the prefix.")
  var scoped = false

  /// Lines of a list are short.
  private static let largestList = 16 << 20

  /// Where the images go.
  enum Target {
    case archive(file: String)
    case prefix(RegistryPrefix)
    /// One image alone.
    case place(ImageLocation)
  }

  /// - Parameter places: of the command line.
  /// - Throws: `ConfigurationError` for options that do not go together, `TransferError`
  func sourcesAndTarget(_ places: [String]) throws -> (sources: [ImageLocation], target: Target) {
    guard let to else {
      let (source, target) = try pair(places)
      try check(target)
      return ([source], target)
    }
    let target = try target(to)
    try check(target)
    let sources = try sources(places)
    guard let first = sources.first else {
      throw ConfigurationError(
        "there is no image to copy: name some, or give a list of them with --from-file")
    }
    if case .place = target, sources.count > 1 {
      throw ConfigurationError(
        "\(to) takes one image, such as \(first): several go to archive:FILE or REGISTRY[/PREFIX]")
    }
    return (sources, target)
  }

  /// SOURCE DESTINATION
  private func pair(_ places: [String]) throws(ConfigurationError) -> (ImageLocation, Target) {
    guard fromFile == nil else {
      throw ConfigurationError(
        "--from-file: where do the images go? Expected --to archive:FILE or --to REGISTRY[/PREFIX]")
    }
    guard places.count == 2 else {
      throw ConfigurationError(
        places.count < 2
          ? "expected SOURCE DESTINATION, or SOURCE... --to DESTINATION: see 'kontor help copy'"
          : "several images go to one place with --to: expected SOURCE... --to archive:FILE or --to REGISTRY[/PREFIX]"
      )
    }
    return (try ImageLocation(parsing: places[0]), try Self.target(try ImageLocation(parsing: places[1])))
  }

  private func target(_ text: String) throws(ConfigurationError) -> Target {
    if ImageLocation.namesTransport(text) { return try Self.target(try ImageLocation(parsing: text)) }
    do {
      return .prefix(try RegistryPrefix(parsing: text, isScoped: scoped))
    } catch {
      throw ConfigurationError("--to: \(error): for one image's name use 'kontor copy SOURCE DESTINATION'")
    }
  }

  private static func target(_ place: ImageLocation) throws(ConfigurationError) -> Target {
    guard case .archive(let file, let name) = place else { return .place(place) }
    guard name == nil else { throw namedArchive(place) }
    return .archive(file: file)
  }

  static func namedArchive(_ place: ImageLocation) -> ConfigurationError {
    ConfigurationError(
      "\(place): images keep their own names in an archive: leave out what is behind the last colon")
  }

  private func check(_ target: Target) throws(ConfigurationError) {
    var isArchive = false
    if case .archive = target { isArchive = true }
    for (option, isGiven) in [("--since", !since.isEmpty), ("--inventory", inventory != nil)]
    where isGiven && !isArchive {
      throw ConfigurationError("\(option) is for an archive that is made: expected --to archive:FILE")
    }
    if scoped, case .prefix = target { return }
    guard !scoped else { throw ConfigurationError("--scoped is for images that go --to REGISTRY[/PREFIX]") }
  }

  /// The images of the command line and of the list.
  /// - Throws: `ConfigurationError`, `TransferError`
  private func sources(_ places: [String]) throws -> [ImageLocation] {
    let given = try places.map { text throws(ConfigurationError) in try ImageLocation(parsing: text) }
    guard let fromFile else { return given }
    let lines = try Self.contents(fromFile).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var listed: [ImageLocation] = []
    for (index, line) in lines.enumerated() {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }
      if words.isEmpty { continue }
      do throws(ConfigurationError) {
        guard words.count == 1 else { throw ConfigurationError("expected one image a line") }
        listed.append(try ImageLocation(parsing: String(words[0])))
      } catch {
        throw ConfigurationError("\(fromFile):\(index + 1): \(error)")
      }
    }
    return given + listed
  }

  private static func contents(_ path: String) throws -> String {
    // It may be a pipe.
    guard let file = fopen(path == "-" ? "/dev/stdin" : path, "re") else {
      throw TransferError.notFound(
        "the list of images \(path) cannot be read: does it exist, and may this user read it?")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = fread(&piece, 1, piece.count, file)
      if count == 0 { break }
      bytes += piece[..<count]
      guard bytes.count <= largestList else {
        throw TransferError.failed("\(path) has more than \(largestList) bytes: that is no list of images")
      }
    }
    guard ferror(file) == 0 else { throw TransferError.failed("the list of images \(path) cannot be read") }
    return String(decoding: bytes, as: UTF8.self)
  }
}
