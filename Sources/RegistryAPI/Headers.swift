import ContainerImage
import NIOHTTP1
import Registry

extension UploadStatus {
  /// Where the session goes on, and how far it is.
  var headers: HTTPHeaders {
    [
      "Location": "/v2/\(repository)/blobs/uploads/\(id)",
      // "0-0" for nothing at all, as Docker's registry says it and clients expect it.
      "Range": "0-\(max(0, size - 1))",
      "Docker-Upload-UUID": id.description,
    ]
  }
}

extension Digest {
  /// The strong entity tag of content: its digest, quoted.
  var entityTag: String { "\"" + description + "\"" }
}

extension HTTPHeaders {
  /// A `Warning` header of the distribution-spec, section "Warnings".
  mutating func addWarning(_ text: String) {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    add(name: "Warning", value: "299 - \"\(escaped)\"")
  }
}
