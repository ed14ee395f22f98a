import ContainerImage
import GRDB
import GRDBSQLite
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#endif

/// Repositories, links, manifests, tags and upload sessions in SQLite.
///
/// Reads run on the caller's thread, through a connection that the thread keeps: threads that read must be few
/// and live long (event loops, a thread pool). Writes are queued and return after their commit is on disk.
public final class MetadataStore: Sendable {
  private let path: String
  private let queue: DatabaseQueue
  private let writes: WriteQueue
  private let reserve: SpaceReserve
  private let readers = ThreadSpecificVariable<MetadataReader>()

  /// Makes SQLite keep its locks and its index of the log in this process alone, which has the data directory for
  /// itself: a read then needs no system call (sqlite.org/vfs.html, "unix-excl").
  private static let keepsLocksInProcess: Bool = {
    guard let vfs = sqlite3_vfs_find("unix-excl") else { return false }
    return sqlite3_vfs_register(vfs, 1) == SQLITE_OK
  }()

  /// Opens the database, creates it or brings it up to date.
  public init(_ directory: DataDirectory) throws(StorageError) {
    path = directory.database
    guard Self.keepsLocksInProcess else {
      throw .failed(operation: "open the database", reason: "SQLite was built without unix-excl")
    }
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.label = "kontor"
    do {
      queue = try DatabaseQueue(path: path, configuration: configuration)
      // Every commit syncs the log: an acknowledged write survives a power cut. Said after opening, because GRDB
      // sets NORMAL when it turns WAL on.
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      // What undoes a savepoint stays in memory: every write has one, and a file for it would be written at each.
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA temp_store = MEMORY") }
      let migrator = Schema.migrator
      guard try queue.read({ try !migrator.hasBeenSuperseded($0) }) else {
        throw StorageError.newerSchema(directory: directory.path)
      }
      try migrator.migrate(queue)
      let level = try queue.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
      guard level == 2 else {
        throw StorageError.failed(operation: "open the database", reason: "SQLite refuses synchronous=FULL")
      }
    } catch {
      throw StorageError.database(error, "open the database \(directory.database)")
    }
    writes = WriteQueue(queue)
    reserve = SpaceReserve(path: directory.reserve)
    // Taken while there is space; on a disk that is full already, by the first write that finds some.
    try? reserve.restore(for: "start")
  }

  /// This thread's connection, with a cache that holds nothing older than the last commit.
  func cachingReader() throws(StorageError) -> MetadataReader {
    let reader = try reader()
    reader.cache.validate(commits: writes.commits)
    return reader
  }

  /// This thread's connection.
  func reader() throws(StorageError) -> MetadataReader {
    if let reader = readers.currentValue { return reader }
    let reader = try MetadataReader(path: path)
    readers.currentValue = reader
    return reader
  }

  func write<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    try reserve.restore(for: operation)
    return try await writes.run(operation, body)
  }

  /// A write that frees space, now or by a later collection: when there is none it uses the reserve.
  func writeFreeingSpace<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    do {
      return try await writes.run(operation, body)
    } catch StorageError.full {
      reserve.release()
      return try await writes.run(operation, body)
    }
  }

  /// Whether the database answers; blocks briefly.
  public func check() throws(StorageError) {
    _ = try reader().first("SELECT 1", []) { $0.integer(0) }
  }
}

extension Database {
  /// Runs a statement that is kept prepared.
  func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?] = []) throws {
    try cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
  }

  func integer(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?] = []) throws -> Int64? {
    try Int64.fetchOne(cachedStatement(sql: sql), arguments: StatementArguments(arguments))
  }

  func text(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?] = []) throws -> String? {
    try String.fetchOne(cachedStatement(sql: sql), arguments: StatementArguments(arguments))
  }
}

/// Seconds since 1970, as the tables have them.
package func secondsSince1970() -> Int64 { Int64(time(nil)) }
