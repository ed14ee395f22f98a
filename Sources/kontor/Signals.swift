import Dispatch

#if canImport(Glibc)
  import Glibc
#endif

/// The signals that a service acts on. A second one to stop ends the process at once.
struct Signals {
  /// SIGTERM, SIGINT and SIGHUP as they come.
  let received: AsyncStream<CInt>

  init() {
    signal(SIGPIPE, SIG_IGN)
    let (stream, continuation) = AsyncStream<CInt>.makeStream()
    received = stream
    let queue = DispatchQueue(label: "kontor.signals")
    for number in [SIGTERM, SIGINT, SIGHUP] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      nonisolated(unsafe) var count = 0
      source.setEventHandler {
        // The handler keeps the source; it runs on one serial queue.
        _ = source
        count += 1
        if number != SIGHUP, count > 1 { _exit(1) }
        continuation.yield(number)
      }
      source.resume()
    }
  }
}
