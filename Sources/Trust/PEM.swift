import SwiftASN1

/// Text with parts in PEM (RFC 7468).
enum PEM {
  /// Whether it is text with a part in PEM, and not DER, which begins with another character.
  static func isArmored(_ bytes: [UInt8]) -> Bool {
    let marker = Array("-----BEGIN ".utf8)
    guard bytes.first != 0x30 else { return false }
    return bytes.indices.contains { bytes[$0...].starts(with: marker) }
  }

  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  /// What is between the parts is left out.
  /// - Throws: `PEM.Unreadable`
  static func documents(_ bytes: [UInt8]) throws(Unreadable) -> [PEMDocument] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Unreadable(description: "it is no text")
    }
    do { return try PEMDocument.parseMultiple(pemString: text) } catch {
      throw Unreadable(description: "its PEM is damaged")
    }
  }
}
