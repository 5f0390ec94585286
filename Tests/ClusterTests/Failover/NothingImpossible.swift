import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Lets shoppers buy during a fault of Redis, and compares all they were told with what remains. Changes may be lost,
/// but nothing impossible may be found.
///
/// - Parameters:
///   - name: printed beside the verdict.
///   - isUndisturbed: called at the end. False if something else has happened: then the whole time is in doubt.
///   - fault: returns the times of doubt (see ``Judge``), when all is well again.
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
  // Before keys are repeated: refused requests had no effect, and no effect came after its time.
  let before = try await cluster.snapshot()
  expectPossible(judge.verdict(on: ledger, found: before, at: epochMilliseconds()))
  ledger.expectNothingLate(in: before)
  // After keys are repeated: each key gets the answer that still holds.
  try await ledger.settle(at: cluster)
  let verdict = judge.verdict(on: ledger, found: try await cluster.snapshot(), at: epochMilliseconds())
  expectPossible(verdict)
  for node in cluster.nodes {
    // Holds that expire during the audit leave their SKU unjudged.
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
