import ContainerImage
import Registry
import Storage
import Synchronization

/// Pushes by acpush's protocol that are under way. They are in memory: after a restart a push begins anew.
final class ACIPushSessions: Sendable {
  /// What a client sends, in this order.
  enum Part: String, CaseIterable {
    case manifest
    case signature
    case image
    case completed
  }

  struct Session: Sendable {
    let query: ACIQuery
    let repository: RepositoryName
    var signature: [UInt8]?
    /// An upload session that has the image's file; it expires like others.
    var upload: UploadID?
  }

  /// Beyond this the oldest are forgotten.
  private static let most = 1000

  private let sessions = Mutex<(table: [String: Session], order: [String])>(([:], []))

  /// - Returns: its ID, which nobody guesses.
  func start(_ session: Session) -> String {
    let id = UploadID().description
    sessions.withLock { sessions in
      if sessions.order.count >= Self.most { sessions.table[sessions.order.removeFirst()] = nil }
      sessions.table[id] = session
      sessions.order.append(id)
    }
    return id
  }

  subscript(id: String) -> Session? { sessions.withLock { $0.table[id] } }

  /// - Returns: false if there is no such session any more.
  func change(_ id: String, _ body: (inout Session) -> Void) -> Bool {
    sessions.withLock { sessions in
      guard var session = sessions.table[id] else { return false }
      body(&session)
      sessions.table[id] = session
      return true
    }
  }

  func end(_ id: String) -> Session? {
    sessions.withLock { sessions in
      sessions.order.removeAll { $0 == id }
      return sessions.table.removeValue(forKey: id)
    }
  }
}

/// Signatures that came before their images: kept for a while, in memory.
final class PendingSignatures: Sendable {
  private static let most = 1000

  private let signatures = Mutex<(table: [ACIQuery: [UInt8]], order: [ACIQuery])>(([:], []))

  func put(_ signature: [UInt8], for query: ACIQuery) {
    signatures.withLock { signatures in
      if signatures.table.updateValue(signature, forKey: query) == nil { signatures.order.append(query) }
      if signatures.order.count > Self.most { signatures.table[signatures.order.removeFirst()] = nil }
    }
  }

  func take(_ query: ACIQuery) -> [UInt8]? {
    signatures.withLock { signatures in
      signatures.order.removeAll { $0 == query }
      return signatures.table.removeValue(forKey: query)
    }
  }
}
