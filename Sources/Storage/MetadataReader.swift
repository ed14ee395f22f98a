import ContainerImage
import GRDBSQLite
import NIOCore

/// A read-only connection with its prepared statements, for one thread. Every read sees the last committed
/// state; none waits for a writer.
///
/// `@unchecked Sendable`: only ever reached through a `ThreadSpecificVariable`, which gives it to the thread that
/// made it and to no other.
final class MetadataReader: @unchecked Sendable {
  private let connection: OpaquePointer
  private var statements: [StaticStringKey: Statement] = [:]
  var cache = LookupCache()

  init(path: String) throws(StorageError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
    guard sqlite3_open_v2(path, &opened, flags, nil) == SQLITE_OK, let opened else {
      defer { sqlite3_close(opened) }
      throw .sqlite(opened)
    }
    connection = opened
    // Readers of a WAL database wait only while it is opened or recovered.
    sqlite3_busy_timeout(connection, 5000)
  }

  deinit {
    statements.removeAll()
    sqlite3_close(connection)
  }

  func query(
    _ sql: StaticString, _ arguments: [Statement.Argument], _ body: (borrowing Statement.Row) -> Bool
  ) throws(StorageError) {
    let key = StaticStringKey(sql)
    let statement: Statement
    if let prepared = statements[key] {
      statement = prepared
    } else {
      statement = try Statement(connection, sql.description)
      statements[key] = statement
    }
    try statement.query(arguments, body)
  }

  /// The first row, if any.
  func first<Value>(
    _ sql: StaticString, _ arguments: [Statement.Argument], _ body: (borrowing Statement.Row) -> Value
  ) throws(StorageError) -> Value? {
    var value: Value?
    try query(sql, arguments) { row in
      value = body(row)
      return false
    }
    return value
  }
}

/// A literal by its address: cheaper to look up than its text.
private struct StaticStringKey: Hashable {
  private let address: UnsafePointer<UInt8>

  init(_ string: StaticString) { address = string.utf8Start }
}
