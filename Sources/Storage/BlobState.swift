/// What became of a blob's bytes; the column `blob.state`.
enum BlobState: Int64 {
  /// On disk, whole as far as is known.
  case present = 0
  /// Found damaged and taken away; pushing it again heals every repository that links it.
  case damaged = 1
  /// Never pushed: a sparse manifest refers to it.
  case absent = 2
}
