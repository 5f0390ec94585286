import Testing

/// Tests of the election and sweep scripts. They run one after the other, so that they do not slow the tests that
/// measure time.
@Suite(.serialized) enum LeaseAndSweep {}
