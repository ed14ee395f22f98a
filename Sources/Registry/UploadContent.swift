import NIOCore

/// The body of a request, as it arrives.
public struct UploadContent: Sendable {
  /// Bytes, if it is announced how many come.
  let length: Int64?
  /// The next piece; nil at the end.
  let next: @Sendable () async throws -> ByteBuffer?
  /// The next piece if it is here already; nil if it is not, or at the end.
  let nextIfHere: @Sendable () -> ByteBuffer?

  /// - Parameters:
  ///   - length: bytes, if it is announced how many come.
  ///   - next: waits for the next piece; nil at the end.
  ///   - nextIfHere: the next piece without waiting. It saves a change of threads for each.
  public init(
    length: Int64? = nil, next: @escaping @Sendable () async throws -> ByteBuffer?,
    nextIfHere: @escaping @Sendable () -> ByteBuffer? = { nil }
  ) {
    self.length = length
    self.next = next
    self.nextIfHere = nextIfHere
  }
}
