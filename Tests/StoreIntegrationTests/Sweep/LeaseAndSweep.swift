import Testing

/// The tests of the scripts of election and sweep. They run one after the other, so that they do not starve those that
/// watch the clock.
@Suite(.serialized) enum LeaseAndSweep {}
