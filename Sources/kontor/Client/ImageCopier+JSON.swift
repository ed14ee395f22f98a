import ContainerImage
import ImageTransfer

extension ImageCopier.Report {
  /// Adds what was copied to a command's answer.
  func add(to json: inout OrderedJSON) {
    json["manifests"] = .literal("\(manifests)")
    json["blobs"] = .literal("\(blobs)")
    json["bytes"] = .literal("\(bytes)")
    json["present"] = .literal("\(present)")
  }
}
