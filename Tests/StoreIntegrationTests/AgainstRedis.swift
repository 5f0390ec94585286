import Testing

/// The tests that watch the clock: one after the other, so that none of them mistakes a busy machine for a fault.
@Suite("The store against a real Redis", .serialized)
enum AgainstRedis {}
