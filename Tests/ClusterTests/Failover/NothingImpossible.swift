import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Lets shoppers buy while something happens to Redis, and holds all they were told against what is left of it: whatever
/// is lost, nothing impossible is found.
///
/// - Parameters:
///   - name: printed beside the verdict.
///   - isUndisturbed: whether nothing else has happened, asked in the end. If something has, all the time is in doubt.
///   - fault: returns when all is well again. What it returns are the times of doubt (see ``Judge``).
func expectNothingImpossible(
  after name: String, at cluster: TestCluster, isUndisturbed: @Sendable () -> Bool = { true },
  during fault: @escaping @Sendable (Traffic) async throws -> [ClosedRange<Int>]
) async throws -> Verdict {
  let traffic = try await Traffic(on: cluster, .stubborn)
  let doubt = NIOLockedValueBox<[ClosedRange<Int>]>([])
  var ledger = try await traffic.run {
    try await traffic.flows()
    traffic.expect(.refusals, at: cluster.nodes)
    let times = try await fault(traffic)
    doubt.withLockedValue { $0 = times }
    traffic.expectNoMoreTrouble()
    try await traffic.flows()
  }
  let isSure = isUndisturbed()
  let judge = Judge(totals: Traffic.totals, doubt: isSure ? doubt.withLockedValue { $0 } : [0...Int.max])
  // Before keys are repeated: what was told "not done" was not, and nothing was done after its time.
  let before = try StoreSnapshot(of: cluster.redis)
  expectPossible(judge.verdict(on: ledger, found: before, at: epochMilliseconds()))
  ledger.expectNothingLate(in: before)
  // And after: each key is told again what still stands.
  try await ledger.settle(at: cluster)
  let verdict = judge.verdict(on: ledger, found: try StoreSnapshot(of: cluster.redis), at: epochMilliseconds())
  expectPossible(verdict)
  for node in cluster.nodes {
    // Holds that expire meanwhile keep it from a verdict on their SKU.
    try await eventually("the node's audit finds nothing") {
      let audit = try await node.send(.audit())
      return audit.json["consistent"] as? Bool == true && audit.json["unverified"] as? [String] == []
    }
  }
  print("failover: \(name): \(verdict.summary)\(isSure ? "" : "; there was one more failover than was asked for")")
  return verdict
}

private func expectPossible(_ verdict: Verdict) {
  #expect(verdict.impossible.isEmpty, "\(verdict.impossible)")
}
