import Testing

/// The tests that measure time. They run one after the other, so that none mistakes a busy machine for a fault.
@Suite(.serialized) enum AgainstRedis {}
