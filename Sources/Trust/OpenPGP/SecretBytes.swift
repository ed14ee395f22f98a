import CRnp

/// Bytes that must not be seen: a secret key, a passphrase. Never printed, and overwritten when nobody has them any more.
///
/// Sendable, because the memory is written once, before anybody has the object, and once more after the last has let go.
public final class SecretBytes: @unchecked Sendable {
  /// One more than there are bytes: the last is zero, for C.
  private let memory: UnsafeMutableRawBufferPointer

  /// Copies the bytes. The original is the caller's to overwrite.
  public init(_ bytes: some Collection<UInt8>) {
    memory = .allocate(byteCount: bytes.count + 1, alignment: 16)
    memory.copyBytes(from: bytes)
    memory[memory.count - 1] = 0
  }

  deinit {
    rnp_buffer_clear(memory.baseAddress, memory.count)
    memory.deallocate()
  }

  var count: Int { memory.count - 1 }

  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
  }

  /// - Parameter body: gets the bytes with a zero after them.
  func withCString<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    body(memory.baseAddress.map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) })
  }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
  public var description: String { "***" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
