import Crypto

/// A proof that a leaf is in a tree of hashes (RFC 9162, section 2.1.3; the tree is that of RFC 6962, of SHA-256).
enum MerkleInclusion {
  static func leafHash(_ leaf: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: [0] + leaf)) }

  /// - Parameters:
  ///   - index: of the leaf, from 0.
  ///   - size: the tree's count of leaves.
  ///   - path: from the leaf's neighbour up.
  /// - Returns: the tree's root hash; nil if there is no such proof for the index and the size.
  static func root(leafHash: [UInt8], index: Int64, size: Int64, path: [[UInt8]]) -> [UInt8]? {
    guard index >= 0, index < size, path.allSatisfy({ $0.count == SHA256.byteCount }) else { return nil }
    var (index, last) = (index, size - 1)
    var hash = leafHash
    for neighbour in path {
      // At the top already, where nothing is beside.
      guard last > 0 else { return nil }
      if index & 1 == 1 || index == last {
        hash = node(neighbour, hash)
        // The right border may skip levels, where it is alone.
        while index & 1 == 0 && index != 0 { (index, last) = (index >> 1, last >> 1) }
      } else {
        hash = node(hash, neighbour)
      }
      (index, last) = (index >> 1, last >> 1)
    }
    return last == 0 ? hash : nil
  }

  private static func node(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    Array(SHA256.hash(data: [1] + left + right))
  }
}
