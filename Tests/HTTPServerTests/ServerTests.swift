import Testing

/// The tests that need sockets, one after another: a port that one test's server has left must not become another's
/// while the first test looks at it, and a test of thousands of connections should not slow the others down.
@Suite(.serialized) enum ServerTests {}
