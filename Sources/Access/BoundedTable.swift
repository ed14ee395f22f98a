/// A dictionary that forgets what was not used for longest when it becomes too large.
///
/// It has two halves: what is used goes into the younger one; when that is full, it becomes the elder, and the former elder
/// is forgotten. So each use costs the same, and the half of the entries that was used last is always there.
struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let half: Int
  private var young: [Key: Value] = [:]
  private var old: [Key: Value] = [:]

  /// - Parameter maximum: entries; at least 2.
  init(maximum: Int) { half = max(maximum / 2, 1) }

  var count: Int { young.count + old.count }

  subscript(key: Key) -> Value? {
    get { young[key] ?? old[key] }
    set {
      old[key] = nil
      young[key] = newValue
      if young.count >= half { (old, young) = (young, [:]) }
    }
  }
}
