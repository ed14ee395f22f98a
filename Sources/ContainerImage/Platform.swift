/// What an image runs on (image-spec, image-index.md, property `platform`).
public struct Platform: Sendable, Hashable, Codable {
  public var architecture: String
  public var os: String
  public var variant: String?

  public init(os: String, architecture: String, variant: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
  }

  /// `os/arch` or `os/arch/variant`, with Go's names, such as `linux/amd64` or `linux/arm/v7`. Other common names
  /// of architectures (`x86_64`, `aarch64`) are taken for those.
  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isPart) })
    else {
      throw .malformed(
        "\(text.quotedForMessage) is not a platform: expected os/architecture or os/architecture/variant, "
          + "such as linux/amd64 or linux/arm/v7")
    }
    self.init(
      os: String(parts[0]), architecture: String(parts[1]), variant: parts.count > 2 ? String(parts[2]) : nil)
    self = normalized
  }

  /// That of this machine.
  public static var current: Platform {
    #if arch(arm64)
      Platform(os: "linux", architecture: "arm64", variant: "v8")
    #elseif arch(arm)
      Platform(os: "linux", architecture: "arm", variant: "v7")
    #elseif arch(s390x)
      Platform(os: "linux", architecture: "s390x")
    #elseif arch(powerpc64le)
      Platform(os: "linux", architecture: "ppc64le")
    #elseif arch(riscv64)
      Platform(os: "linux", architecture: "riscv64")
    #else
      Platform(os: "linux", architecture: "amd64")
    #endif
  }

  /// Whether something for `self` runs where `wanted` is asked for: equal, or an earlier variant of Arm's, of
  /// which later processors run the code (arm/v5 to v7). `rank(for:)` prefers the closest.
  public func runs(on wanted: Platform) -> Bool { rank(for: wanted) != nil }

  /// How well something for `self` serves `wanted`: 0 is exact, more is worse; nil if it does not run there.
  public func rank(for wanted: Platform) -> Int? {
    let (own, wanted) = (normalized, wanted.normalized)
    guard own.os == wanted.os, own.architecture == wanted.architecture else { return nil }
    if own.variant == wanted.variant { return 0 }
    switch (own.level, wanted.level) {
    case (let own?, let wanted?): return own <= wanted ? wanted - own : nil
    // A platform without a variant is the architecture's base line.
    case (nil, _) where own.variant == nil: return 100
    // Whoever asks for no variant takes any, the lowest first.
    case (let own?, nil) where wanted.variant == nil: return 100 + own
    default: return nil
    }
  }

  /// Variants that are numbered are upwards compatible.
  private var level: Int? { variant.flatMap { $0.hasPrefix("v") ? Int($0.dropFirst()) : nil } }

  /// Go's names; the default variant of 64-bit Arm is left out.
  private var normalized: Platform {
    var result = self
    switch architecture {
    case "x86_64", "x86-64": result.architecture = "amd64"
    case "aarch64": result.architecture = "arm64"
    case "i386", "i486", "i586", "i686": result.architecture = "386"
    case "armhf", "armv7l":
      result.architecture = "arm"
      result.variant = variant ?? "v7"
    case "armel":
      result.architecture = "arm"
      result.variant = variant ?? "v6"
    default: break
    }
    if result.architecture == "arm64", result.variant == "v8" { result.variant = nil }
    if result.architecture == "amd64", result.variant == "v1" { result.variant = nil }
    return result
  }

  private static func isPart(_ byte: UInt8) -> Bool {
    byte.isAlphanumeric || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
  }
}

extension Platform: CustomStringConvertible {
  /// `os/arch` or `os/arch/variant`.
  public var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }
}
