/// The annotations by which images that were made of Docker's say what those were (docker2aci, lib/common/common.go).
enum ACIDockerAnnotation {
  static let originalName = ACIdentifier("appc.io/docker/originalname")
  static let registryURL = ACIdentifier("appc.io/docker/registryurl")
  static let repository = ACIdentifier("appc.io/docker/repository")
  static let imageID = ACIdentifier("appc.io/docker/imageid")
  static let manifestHash = ACIdentifier("appc.io/docker/manifesthash")
  /// JSON lists of strings.
  static let entrypoint = ACIdentifier("appc.io/docker/entrypoint")
  static let command = ACIdentifier("appc.io/docker/cmd")
}
