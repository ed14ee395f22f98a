import CRnp

/// Gives librnp what a reader gives, piece by piece.
final class ContentFeed {
  typealias Reader = (UnsafeMutableRawBufferPointer) throws -> Int

  private let read: Reader
  /// What the reader threw; the library only learns that reading failed.
  private var failure: (any Error)?

  private init(_ read: @escaping Reader) { self.read = read }

  /// - Parameter body: gets an input that reads from `read`, whose errors are thrown at the end.
  static func withInput<Result>(
    _ read: Reader, _ body: (rnp_input_t) throws(TrustError) -> Result
  ) throws -> Result {
    try withoutActuallyEscaping(read) { read in
      let feed = ContentFeed(read)
      return try withExtendedLifetime(feed) {
        var input: OpaquePointer?
        try RNPContext.check(
          rnp_input_from_callback(
            &input,
            { feed, buffer, length, count in
              guard let feed, let buffer, let count else { return false }
              return Unmanaged<ContentFeed>.fromOpaque(feed).takeUnretainedValue()
                .pull(UnsafeMutableRawBufferPointer(start: buffer, count: length), &count.pointee)
            }, nil, Unmanaged.passUnretained(feed).toOpaque()), "read the content")
        guard let input else { throw TrustError.failed(operation: "read the content", reason: "no memory") }
        defer { rnp_input_destroy(input) }
        let result = Swift.Result { () throws(TrustError) in try body(input) }
        if let failure = feed.failure { throw failure }
        return try result.get()
      }
    }
  }

  private func pull(_ buffer: UnsafeMutableRawBufferPointer, _ count: inout Int) -> Bool {
    do {
      guard failure == nil else { return false }
      count = try read(buffer)
      return true
    } catch {
      failure = error
      return false
    }
  }
}
