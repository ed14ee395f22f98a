import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Ctrl-C and SIGTERM: the first asks a command to stop in an orderly way, the second ends it at once.
enum Interruption {
  private static let count = Atomic<Int>(0)
  /// From now on signals do not end the process by themselves.
  static func watch() {
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        // The handler keeps the source.
        _ = source
        if count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
      }
      source.resume()
    }
  }

  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }
}
