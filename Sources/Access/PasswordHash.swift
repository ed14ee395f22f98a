import CCrypt
import ContainerImage

/// A password's hash by bcrypt (`$2a$`, `$2b$` or `$2y$`), which libcrypt computes.
///
/// At a cost of 10 that takes 50 to 100 ms of a processor, and twice as long with each step more: not for an event loop.
public struct PasswordHash: Sendable, Hashable {
  /// What is taken: 2 to the power of 4 to 16 rounds. A higher one would let few log-ins keep the machine busy.
  public static let costs = 4...16
  /// Bytes. bcrypt leaves out what follows them.
  public static let maximumPassword = 72

  /// `$2y$10$`, then 22 characters of salt and 31 of the hash.
  private static let length = 60
  private static let hashLength = 31

  /// As in a file.
  public let text: String

  /// - Throws: `InvalidValue.malformed`. Its message does not have the text.
  public init(parsing text: String) throws(InvalidValue) {
    let bytes = Array(text.utf8)
    guard ["$2a$", "$2b$", "$2y$"].contains(where: { bytes.starts(with: $0.utf8) }) else {
      throw .malformed("it is \(Self.kind(of: text)); only bcrypt is taken: make it anew with 'htpasswd -B'")
    }
    let isWhole =
      bytes.count == Self.length && bytes[6] == UInt8(ascii: "$")
      && bytes[7...].allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
    guard isWhole, bytes[4...5].allSatisfy({ (0x30...0x39).contains($0) }),
      let cost = Int(String(decoding: bytes[4...5], as: UTF8.self))
    else { throw .malformed("the hash by bcrypt is damaged: \(Self.length) characters are expected") }
    guard Self.costs.contains(cost) else {
      throw .malformed(
        "the hash by bcrypt has the cost \(cost); \(Self.costs.lowerBound) to \(Self.costs.upperBound) are taken: "
          + "make it anew with 'htpasswd -B -C 10'")
    }
    self.text = text
  }

  /// - Parameters:
  ///   - password: 1 to `maximumPassword` bytes, without a NUL.
  ///   - cost: one of `costs`.
  /// - Throws: `AccessError.unusablePassword`, `AccessError.failed`
  public init(hashing password: String, cost: Int = 10) throws(AccessError) {
    guard Self.costs.contains(cost) else {
      throw .failed(operation: "hash a password", reason: "there is no cost \(cost)")
    }
    if let problem = Self.problem(of: password) { throw .unusablePassword(reason: problem) }
    let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    guard let setting = Self.setting(cost: cost, salt: salt),
      let text = Self.crypt(password, setting: setting), let hash = try? PasswordHash(parsing: text)
    else { throw .failed(operation: "hash a password", reason: "libcrypt does not know bcrypt") }
    self = hash
  }

  /// A hash that no password is known for: comparing with it takes as long as with another one of the cost.
  /// - Parameter cost: the nearest one of `costs` is taken.
  public static func ofNobody(cost: Int = 10) -> PasswordHash {
    let cost = min(max(cost, costs.lowerBound), costs.upperBound)
    let digits = cost < 10 ? "0\(cost)" : "\(cost)"
    // All bits of the hash are zero.
    return PasswordHash(known: "$2y$\(digits)$" + String(repeating: ".", count: length - 7))
  }

  private init(known text: String) { self.text = text }

  public var cost: Int { Int(text.dropFirst(4).prefix(2)) ?? Self.costs.lowerBound }

  /// Whether that is the password. One that cannot be hashed is none; that is said at once.
  public func matches(_ password: String) -> Bool {
    guard Self.problem(of: password) == nil, let found = Self.crypt(password, setting: text)
    else { return false }
    // libcrypt clears the salt's last bits, which do not count.
    return found.utf8.suffix(Self.hashLength).isEqualInConstantTime(to: text.utf8.suffix(Self.hashLength))
      && found.utf8.count == Self.length
  }

  private static func problem(of password: String) -> String? {
    if password.isEmpty { return "it is empty" }
    if password.utf8.count > maximumPassword {
      return "it has more than \(maximumPassword) bytes, and bcrypt would leave out the rest"
    }
    return password.utf8.contains(0) ? "it has a NUL character, at which it would end" : nil
  }

  private static func setting(cost: Int, salt: [UInt8]) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CRYPT_GENSALT_OUTPUT_SIZE)) { output in
      let isMade = salt.withUnsafeBytes { salt in
        crypt_gensalt_rn(
          "$2y$", UInt(cost), salt.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(salt.count),
          output.baseAddress, Int32(output.count)) != nil
      }
      return isMade ? output.baseAddress.map { String(cString: $0) } : nil
    }
  }

  /// `crypt_rn` is `crypt_r` with nothing, instead of a text that might match, when it fails. It clears what it computed with.
  private static func crypt(_ password: String, setting: String) -> String? {
    let size = Int(MemoryLayout<crypt_data>.size)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    return crypt_rn(password, setting, memory.baseAddress, Int32(size)).map { String(cString: $0) }
  }

  private static func kind(of text: String) -> String {
    if text.hasPrefix("$apr1$") || text.hasPrefix("$1$") { return "MD5" }
    if text.hasPrefix("{SHA}") { return "SHA-1" }
    if text.hasPrefix("$5$") { return "SHA-256" }
    if text.hasPrefix("$6$") { return "SHA-512" }
    if text.hasPrefix("$2x$") { return "bcrypt of a program with an error" }
    if text.hasPrefix("$") { return "another hash than bcrypt" }
    return "a hash by crypt, or a password in the clear"
  }
}

extension PasswordHash: CustomStringConvertible, CustomReflectable {
  public var description: String { "*** (bcrypt, cost \(cost))" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
