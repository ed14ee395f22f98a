import ContainerImage
import GRDBSQLite
import NIOCore

/// A prepared SQLite statement for reads that must cost little: bound, stepped and reset by one thread.
final class Statement {
  private let statement: OpaquePointer
  private let connection: OpaquePointer

  init(_ connection: OpaquePointer, _ sql: String) throws(StorageError) {
    self.connection = connection
    var prepared: OpaquePointer?
    let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
    guard code == SQLITE_OK, let prepared else { throw .sqlite(connection) }
    statement = prepared
  }

  deinit { sqlite3_finalize(statement) }

  /// Runs the query and gives each row to `body` until it returns false. Nothing of a row outlives the call.
  func query(_ arguments: [Argument], _ body: (borrowing Row) -> Bool) throws(StorageError) {
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (index, argument) in arguments.enumerated() {
      let code =
        switch argument {
        case .integer(let value): sqlite3_bind_int64(statement, CInt(index + 1), value)
        case .text(let value): sqlite3_bind_text(statement, CInt(index + 1), value, -1, Self.copied)
        }
      guard code == SQLITE_OK else { throw .sqlite(connection) }
    }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: if !body(Row(statement: statement)) { return }
      case SQLITE_DONE: return
      default: throw .sqlite(connection)
      }
    }
  }

  enum Argument {
    case integer(Int64)
    case text(String)
  }

  /// The current row; columns count from 0.
  struct Row: ~Copyable {
    fileprivate let statement: OpaquePointer

    func integer(_ column: CInt) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: CInt) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    func text(_ column: CInt) -> String {
      guard let bytes = sqlite3_column_text(statement, column) else { return "" }
      return String(
        decoding: UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))),
        as: UTF8.self)
    }

    func optionalText(_ column: CInt) -> String? { isNull(column) ? nil : text(column) }

    func bytes(_ column: CInt) -> ByteBuffer {
      guard let bytes = sqlite3_column_blob(statement, column) else { return ByteBuffer() }
      return ByteBuffer(
        bytes: UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }
  }

  /// SQLITE_TRANSIENT, a macro that Swift does not import: SQLite copies the text.
  private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}

extension StorageError {
  /// The connection's last error.
  static func sqlite(_ connection: OpaquePointer?) -> StorageError {
    .failed(
      operation: "read the database",
      reason: connection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "out of memory")
  }
}
