import TestSupport
import Testing

/// Runs a fault with traffic before and after it, and checks the books afterwards.
func expectBalancedBooks(
  _ habits: Traffic.Habits, during fault: @escaping @Sendable (TestCluster, Traffic) async throws -> Void
) async throws {
  let cluster = TestCluster.current!
  let traffic = try await Traffic(on: cluster, habits)
  var ledger = try await traffic.run {
    try await traffic.flows()
    try await fault(cluster, traffic)
    try await cluster.expectRecovery(ttlSeconds: habits.ttlSeconds.lowerBound)
    traffic.expectNoMoreTrouble()
    try await traffic.flows()
  }
  let before = try await cluster.snapshot()
  ledger.expectNoPhantoms(in: before)
  ledger.expectNothingLate(in: before)
  try await ledger.settle(at: cluster)
  if habits.mayExpire { try await cluster.whenNothingIsHeld() }
  var snapshot = try await cluster.snapshot()
  snapshot.reservations = snapshot.reservations.filter { $0.value.reference?.hasPrefix(Traffic.aside) != true }
  ledger.expectTold(in: snapshot, forgotten: try #require(habits.forgotten))
  try await cluster.expectInvariants()
}

extension TestCluster {
  /// Waits, after the last shopper, until every hold is sold or back in stock and the sweep has nothing left to check.
  func whenNothingIsHeld() async throws {
    try await eventually("nothing is held", every: .milliseconds(100)) {
      let left = "return #redis.call('KEYS', '*holds:*') + #redis.call('KEYS', '*due')"
      return try masters.allSatisfy { try $0.cli("EVAL", left, "0") == "0" }
    }
  }
}
