import Testing

/// The tests that watch the clock. They run one after the other, so that none of them mistakes a busy machine for a
/// fault.
@Suite(.serialized) enum AgainstRedis {}
