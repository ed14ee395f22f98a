import ContainerImage
import FoundationEssentials
import ImageTransfer

/// An image for LXD and Incus: a tar archive with `metadata.yaml` and the root file system ("unified tarball"
/// in LXD's documentation, image format).
public struct LXDImage: Sendable, Hashable {
  /// What the archive has, in this order; directories end with a slash. The unpacked image is what is in the
  /// last one.
  public static let paths = ["metadata.yaml", "templates/", "rootfs/"]

  /// The content of `metadata.yaml`.
  public let metadata: String

  /// - Parameters:
  ///   - name: the image's, for lists.
  ///   - description: what it is, for people; nil for one that is made of name and platform.
  public init(_ config: ImageConfig, name: String, description: String? = nil) {
    let architecture = Self.architecture(config.platform)
    let labels = config.config?.labels ?? [:]
    let properties: [(String, String?)] = [
      ("architecture", architecture),
      ("description", description ?? "\(name) (\(config.platform))"),
      ("name", name),
      ("os", config.os),
      ("release", labels["org.opencontainers.image.version"]),
    ]
    var lines = [
      "architecture: \(Self.quoted(architecture))",
      "creation_date: \(Self.seconds(config.created))",
      "properties:",
    ]
    for case (let key, let value?) in properties { lines.append("  \(key): \(Self.quoted(value))") }
    lines.append("templates: {}")
    metadata = lines.joined(separator: "\n") + "\n"
  }

  /// What the image lacks, in sentences for the user.
  /// - Throws: `TransferError.failed`
  public static func shortcomings(of root: RootDirectory) throws(TransferError) -> [String] {
    if try root.contains("/sbin/init") { return [] }
    return [
      "the image has no /sbin/init, which LXD starts a container with: it can be imported, but not started"
    ]
  }

  /// LXD's name of an architecture: the kernel's, mostly. One that is not known keeps its own.
  static func architecture(_ platform: Platform) -> String {
    switch (platform.architecture, platform.variant) {
    case ("amd64", _): "x86_64"
    case ("386", _): "i686"
    case ("arm64", _): "aarch64"
    case ("arm", "v5"), ("arm", "v6"): "armv6l"
    case ("arm", "v8"): "armv8l"
    case ("arm", _): "armv7l"
    case ("loong64", _): "loongarch64"
    default: platform.architecture
    }
  }

  /// Seconds since 1970. An image that does not say when it was made gets 1: the date is mandatory, and 0 is
  /// none.
  private static func seconds(_ created: String?) -> Int64 {
    guard let created else { return 1 }
    // Go writes up to nine digits of a second.
    let point = created.firstIndex(of: ".") ?? created.endIndex
    let whole = created[..<point] + created[point...].dropFirst().drop { $0.isWholeNumber }
    guard let date = try? Date(String(whole), strategy: .iso8601) else { return 1 }
    return max(1, Int64(date.timeIntervalSince1970))
  }

  /// A double-quoted scalar of YAML, which takes what JSON's strings do.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case "\n": result += "\\n"
      case _
      where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || scalar.value == 0x2028
        || scalar.value == 0x2029:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
