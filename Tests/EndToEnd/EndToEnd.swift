import Testing

/// Tests that drive the built binary from outside: with real clients, through crashes, on full disks.
///
/// They run one after another: most start daemons of their own, and several together would only slow each other down.
@Suite("End to end", .serialized)
enum EndToEndTests {}
