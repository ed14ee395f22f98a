import CRnp
import FoundationEssentials

/// librnp's state: keys, rules and time, for one operation. It is not safe for use by several threads, so nobody shares it:
/// an operation makes its own, and loads the few keys again, rather than wait for others that read gigabytes.
final class RNPContext {
  let handle: OpaquePointer
  /// Seconds since 1970, in OpenPGP's 32 bits.
  let now: UInt32

  /// - Parameter time: what the library takes for the present. Times that OpenPGP cannot express are taken for the
  ///   nearest that it can.
  init(at time: Date) throws(TrustError) {
    // Zero would mean the machine's clock.
    now = UInt32(max(1, min(time.timeIntervalSince1970, Double(UInt32.max))))
    var handle: OpaquePointer?
    try Self.check(rnp_ffi_create(&handle, "GPG", "GPG"), "start the OpenPGP library")
    guard let handle else { throw .failed(operation: "start the OpenPGP library", reason: "no memory") }
    self.handle = handle
    try Self.check(rnp_set_timestamp(handle, UInt64(now)), "set the time")
    try refuseWeakAlgorithms()
  }

  deinit { rnp_ffi_destroy(handle) }

  /// The library's own rules go by the time that a signature claims to have been made at, which its maker chooses:
  /// SHA-1 is refused for content from 2019 on and for keys from 2024 on, MD5 from 2012 on. Here SHA-1, RIPEMD-160 and
  /// MD5 are refused for content of any time, and MD5 for keys too; SHA-1 in a key's own signatures of before 2024
  /// stays good, as for GnuPG, because many old keys are still so.
  private func refuseWeakAlgorithms() throws(TrustError) {
    let rules = [
      ("SHA1", kontor_rnp_verify_data), ("RIPEMD160", kontor_rnp_verify_data), ("MD5", kontor_rnp_verify_all),
    ]
    for (name, flags) in rules {
      try Self.check(
        rnp_add_security_rule(handle, "hash algorithm", name, flags, 0, UInt32(RNP_SECURITY_PROHIBITED)),
        "set the security rules")
    }
  }

  static func check(_ result: rnp_result_t, _ operation: String) throws(TrustError) {
    guard result != RNPResult.success else { return }
    throw .failed(operation: operation, reason: reason(result))
  }

  /// The library's words for a result.
  static func reason(_ result: rnp_result_t) -> String {
    rnp_result_to_string(result).map { String(cString: $0).lowercased() } ?? "error \(result)"
  }

  /// What a function of the library gives as a text of its own; nil if it gives none.
  static func text(
    _ operation: String, _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> rnp_result_t
  ) throws(TrustError) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    defer { rnp_buffer_destroy(text) }
    try check(call(&text), operation)
    return text.map { String(cString: $0) }
  }

  /// - Parameter body: gets an input that reads the bytes where they are.
  static func withInput<Result>(
    _ bytes: UnsafeRawBufferPointer, _ body: (rnp_input_t) throws(TrustError) -> Result
  ) throws(TrustError) -> Result {
    var input: OpaquePointer?
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    try check(rnp_input_from_memory(&input, start, bytes.count, false), "read from memory")
    guard let input else { throw .failed(operation: "read from memory", reason: "no memory") }
    defer { rnp_input_destroy(input) }
    return try body(input)
  }

  /// What `body` writes.
  /// - Parameter limit: bytes; writing more fails.
  static func collect(
    atMost limit: Int, _ body: (rnp_output_t) throws(TrustError) -> Void
  ) throws(TrustError) -> [UInt8] {
    var output: OpaquePointer?
    try check(rnp_output_to_memory(&output, limit), "write to memory")
    guard let output else { throw .failed(operation: "write to memory", reason: "no memory") }
    defer { rnp_output_destroy(output) }
    try body(output)
    var start: UnsafeMutablePointer<UInt8>?
    var count = 0
    let result = rnp_output_memory_get_buf(output, &start, &count, false)
    // The library takes it for an error that nothing was written.
    if count == 0 { return [] }
    try check(result, "write to memory")
    return Array(UnsafeBufferPointer(start: start, count: count))
  }
}

/// The results that matter, of the type that librnp's functions have.
enum RNPResult {
  static let success = rnp_result_t(RNP_SUCCESS)
  static let cannotWrite = rnp_result_t(RNP_ERROR_WRITE)
  static let keyNotFound = rnp_result_t(RNP_ERROR_KEY_NOT_FOUND)
  static let signatureExpired = rnp_result_t(RNP_ERROR_SIGNATURE_EXPIRED)
  static let signatureInvalid = rnp_result_t(RNP_ERROR_SIGNATURE_INVALID)
  static let signatureUnknown = rnp_result_t(RNP_ERROR_SIGNATURE_UNKNOWN)
}
