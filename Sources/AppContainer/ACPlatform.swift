import ContainerImage

/// The specification's names of operating systems and architectures, and those of OCI images (appc 0.8.11, aci.md, label
/// `arch`, and schema/types/labels.go, which it refers to).
public enum ACPlatform {
  /// Which pairs are valid: `types.ValidOSArch`.
  static let architectures = [
    "linux": [
      "amd64", "i386", "aarch64", "aarch64_be", "armv6l", "armv7l", "armv7b", "ppc64", "ppc64le", "s390x",
    ],
    "freebsd": ["amd64", "i386", "arm"],
    "darwin": ["x86_64", "i386"],
  ]

  /// - Throws: `AppContainerError.notConvertible` for a platform that appc has no name for.
  static func labels(of platform: Platform) throws(AppContainerError) -> (os: String, architecture: String) {
    let architecture: String? =
      switch (platform.os, platform.architecture) {
      case ("linux", "arm"): ["v7", "v8"].contains(platform.variant) ? "armv7l" : "armv6l"
      case ("linux", "arm64"): "aarch64"
      case ("linux", "386"), ("freebsd", "386"), ("darwin", "386"): "i386"
      case ("darwin", "amd64"): "x86_64"
      case ("darwin", _): nil
      case (let os, let name): architectures[os]?.contains(name) == true ? name : nil
      }
    guard let architecture else {
      throw .notConvertible(
        reason: "the App Container specification has no name for the platform \(platform); it has "
          + "linux/amd64, 386, arm, arm64, ppc64, ppc64le and s390x, and some of freebsd and darwin")
    }
    return (platform.os, architecture)
  }

  /// The platform of an image with these labels. One that does not depend on a system or an architecture is said to be
  /// for Linux, and for the architecture of this machine: an OCI image has to say something.
  /// - Throws: `AppContainerError.notConvertible`
  public static func platform(of labels: ACLabels) throws(AppContainerError) -> Platform {
    let os = labels.os ?? "linux"
    guard labels.os != nil, let architecture = labels.architecture else {
      return Platform(
        os: os, architecture: Platform.current.architecture, variant: Platform.current.variant)
    }
    switch (os, architecture) {
    case (_, "i386"): return Platform(os: os, architecture: "386")
    case (_, "aarch64"): return Platform(os: os, architecture: "arm64", variant: "v8")
    case (_, "armv6l"): return Platform(os: os, architecture: "arm", variant: "v6")
    case (_, "armv7l"): return Platform(os: os, architecture: "arm", variant: "v7")
    case ("darwin", "x86_64"): return Platform(os: os, architecture: "amd64")
    case (_, "aarch64_be"), (_, "armv7b"):
      throw .notConvertible(reason: "OCI images have no name for the architecture \(architecture)")
    default: return Platform(os: os, architecture: architecture)
    }
  }
}
