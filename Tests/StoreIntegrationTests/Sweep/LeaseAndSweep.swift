import Testing

/// The tests of the scripts of election and sweep: one after the other, so that they do not starve those that watch the
/// clock meanwhile.
@Suite("Lease and sweep, script by script", .serialized)
enum LeaseAndSweep {}
