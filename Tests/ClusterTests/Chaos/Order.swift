import TestSupport
import Testing

/// Runs a fault while shoppers' holds keep expiring, and checks what must hold after it. The books balance, every
/// expired hold is back in stock exactly once, nothing is overdue, and one node leads.
func expectOrder(during fault: @escaping @Sendable (TestCluster, Traffic) async throws -> Void) async throws {
  let cluster = TestCluster.current!
  try await cluster.leader()
  try await expectBalancedBooks(.hasty, during: fault)
  try await cluster.expectExpiredOnce()
  try await cluster.expectNoBacklog()
  try await cluster.expectOneLeader()
}

extension TestCluster {
  /// Nothing is reserved any more. The outbox has one event for each expired hold and no other.
  fileprivate func expectExpiredOnce(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let snapshot = try await snapshot()
    for stock in snapshot.stocks {
      #expect(stock.available + stock.sold == stock.total, "\(stock)", sourceLocation: sourceLocation)
    }
    let told = try expiredEvents()
    #expect(Set(told).count == told.count, "released twice", sourceLocation: sourceLocation)
    let expired = snapshot.reservations.filter { $0.value.status == "EXPIRED" }.keys
    #expect(Set(told) == Set(expired), sourceLocation: sourceLocation)
    #expect(!told.isEmpty, "nothing expired in all the time", sourceLocation: sourceLocation)
  }

  /// The IDs of the reservations.
  private func expiredEvents() throws -> [String] {
    let script = """
      local ids = {}
      for _, outbox in ipairs(redis.call('KEYS', '*events')) do
        for _, entry in ipairs(redis.call('XRANGE', outbox, '-', '+')) do
          if entry[2][2] == 'expired' then ids[#ids + 1] = entry[2][4] end
        end
      end
      return table.concat(ids, ' ')
      """
    return try masters.flatMap { try $0.cli("--raw", "EVAL", script, "0").split(separator: " ").map(String.init) }
  }

  fileprivate func expectNoBacklog() async throws {
    for node in nodes {
      try await eventually("the node knows of no backlog") { try await node.send(.health).backlog == 0 }
    }
  }
}
