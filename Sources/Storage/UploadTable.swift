import Synchronization

/// The upload sessions that requests have used: who works on which one, and the files that stay open in between
/// so that their running hash need not be computed again.
final class UploadTable: Sendable {
  private struct Parked {
    var files: [UploadID: UploadFile] = [:]
    /// From the one parked longest ago.
    var order: [UploadID] = []
  }

  private let locks = KeyedLock<UploadID>()
  private let parked = Mutex(Parked())

  /// Open files of sessions that no request works on. Beyond that the oldest is closed; its session goes on,
  /// at the price of hashing the file again.
  private static let mostParked = 512

  /// Waits until no other request works on the session.
  /// - Returns: what gives the session back when it is released.
  func checkOut(_ id: UploadID) async -> CheckedOut {
    await locks.acquire(id)
    let file = parked.withLock { parked in
      parked.order.removeAll { $0 == id }
      return parked.files.removeValue(forKey: id)
    }
    return CheckedOut(id: id, file: file, table: self)
  }

  fileprivate func giveBack(_ id: UploadID, _ file: UploadFile?) {
    if let file {
      parked.withLock { parked in
        parked.files[id] = file
        parked.order.append(id)
        if parked.order.count > Self.mostParked { parked.files[parked.order.removeFirst()] = nil }
      }
    }
    locks.release(id)
  }

  /// One request's hold on a session, until it is released.
  ///
  /// `@unchecked Sendable`: held and changed by the one task that checked the session out.
  final class CheckedOut: @unchecked Sendable {
    let id: UploadID
    /// Nil when the session has ended.
    var file: UploadFile?
    private let table: UploadTable

    fileprivate init(id: UploadID, file: UploadFile?, table: UploadTable) {
      self.id = id
      self.file = file
      self.table = table
    }

    deinit { table.giveBack(id, file) }
  }
}
