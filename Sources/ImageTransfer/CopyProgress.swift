import ContainerImage

/// Is told how a copy goes, by several threads at once.
public protocol CopyProgress: Sendable {
  /// These blobs will be copied, unless they are there.
  func begin(_ blobs: [Descriptor])
  func moved(_ blob: Descriptor, to position: Int64)
  func isPresent(_ blob: Descriptor)
  func isDone(_ blob: Descriptor)
  /// No more is to come, whether all went well or not.
  func end()
}

/// Tells nobody.
public struct SilentProgress: CopyProgress {
  public init() {}
  public func begin(_ blobs: [Descriptor]) {}
  public func moved(_ blob: Descriptor, to position: Int64) {}
  public func isPresent(_ blob: Descriptor) {}
  public func isDone(_ blob: Descriptor) {}
  public func end() {}
}
