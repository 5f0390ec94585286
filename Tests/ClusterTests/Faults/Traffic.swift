import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Shoppers who keep buying during faults of Redis and the nodes, and record all answers.
final class Traffic: Sendable {
  struct Habits: Sendable {
    enum Ending { case confirm, extendThenConfirm, cancel, forget }

    var shoppers: Int
    var ttlSeconds: ClosedRange<Int>
    var maxItems: Int
    /// How many attempts a shopper makes, at one node after the other, while the outcome is open.
    var attempts = 2
    /// What a shopper may do with a reservation.
    var endings: [Ending]
    /// The final state of a forgotten reservation. Nil if it depends.
    var forgotten: String?
    /// Whether Redis may lose reported changes.
    var mayBeLost = false

    /// Scarce stock comes back again and again, so there are both refusals and late successes.
    static let patient = Habits(
      shoppers: 16, ttlSeconds: 3600...3600, maxItems: 1, endings: [.confirm, .cancel, .cancel, .forget],
      forgotten: "ACTIVE")
    static let hasty = Habits(
      shoppers: 12, ttlSeconds: 1...2, maxItems: 3, endings: [.confirm, .cancel, .forget, .forget],
      forgotten: "EXPIRED")

    /// Some holds expire and some are still held at the end. Each step is repeated until its outcome is known.
    static let stubborn = Habits(
      shoppers: 12, ttlSeconds: 2...90, maxItems: 3, attempts: 4,
      endings: [.confirm, .confirm, .extendThenConfirm, .cancel, .forget], forgotten: nil, mayBeLost: true)

    var mayExpire: Bool { forgotten != "ACTIVE" }
  }

  /// What clients of a node may see during a fault of that node.
  enum Trouble: Int {
    case none
    /// "Try again" and "outcome unknown".
    case refusals
    /// No answer at all.
    case silence
  }

  private struct Progress {
    var isOver = false
    var successes = 0
  }

  let habits: Habits
  private let cluster: TestCluster
  private let progress = NIOLockedValueBox(Progress())
  private let troubles = NIOLockedValueBox<[ObjectIdentifier: Trouble]>([:])
  static let plenty = "plenty", ample = "ample", scarce = "scarce"
  static let totals = [plenty: 1_000_000, ample: 1_000_000, scarce: 25]
  /// The prefix of references of reservations made outside the traffic.
  static let aside = "aside-"
  /// How long a shopper waits for a node that may be silent.
  private static let patience = Duration.seconds(1)

  init(on cluster: TestCluster, _ habits: Habits) async throws {
    (self.cluster, self.habits) = (cluster, habits)
    for (sku, total) in Self.totals { try await cluster.succeed(.setStock(sku, total: total)) }
  }

  /// From now on requests to these nodes may fail. A failure at any other node is a fault.
  func expect(_ trouble: Trouble, at nodes: [NodeUnderTest]) {
    troubles.withLockedValue { troubles in
      for node in nodes { troubles[ObjectIdentifier(node)] = trouble }
    }
  }

  func expectNoMoreTrouble() { troubles.withLockedValue { $0.removeAll() } }

  private func trouble(at node: NodeUnderTest) -> Trouble {
    troubles.withLockedValue { $0[ObjectIdentifier(node)] ?? .none }
  }

  /// Lets shoppers buy until `fault` ends, and returns all answers.
  func run(during fault: @Sendable () async throws -> Void) async throws -> Ledger {
    let shopping = Task {
      try await concurrently(0..<habits.shoppers) { [self] shopper in try await shop("shopper-\(shopper)") }
    }
    do {
      try await fault()
    } catch {
      progress.withLockedValue { $0.isOver = true }
      _ = await shopping.result
      throw error
    }
    progress.withLockedValue { $0.isOver = true }
    return Ledger(entries: try await shopping.value.flatMap(\.self))
  }

  /// Returns after this many further successes.
  func flows(_ successes: Int = 150) async throws {
    let before = progress.withLockedValue { $0.successes }
    try await eventually("\(successes) further successes") {
      progress.withLockedValue { $0.successes } >= before + successes
    }
  }

  private func shop(_ name: String) async throws -> [LedgerEntry] {
    var entries: [LedgerEntry] = []
    while !progress.withLockedValue({ $0.isOver }) {
      guard cluster.nodes.contains(where: { trouble(at: $0) != .silence }) else {
        try await Task.sleep(for: .milliseconds(20))
        continue
      }
      let key = "\(name)-\(entries.count)"
      let reserve = TestRequest.reserve(items: cart(), ttl: .random(in: habits.ttlSeconds), reference: key)
      let held = try await attempt(LedgerEntry(key, .reserve, reserve))
      entries.append(held)
      guard let id = held.success?.id else { continue }
      let confirm = step("confirm-\(key)", .confirm(of: key), .confirm(id))
      let extend = step("extend-\(key)", .extend(of: key), .extend(id, ttl: habits.ttlSeconds.upperBound))
      switch habits.endings.randomElement() {
      case .confirm: entries.append(try await attempt(confirm))
      case .extendThenConfirm: entries += [try await attempt(extend), try await attempt(confirm)]
      case .cancel: entries.append(try await attempt(step("cancel-\(key)", .cancel(of: key), .cancel(id))))
      case .forget, nil: break
      }
    }
    return entries
  }

  private func step(_ key: String, _ purpose: LedgerEntry.Purpose, _ request: TestRequest) -> LedgerEntry {
    LedgerEntry(key, purpose, request, mayExpire: habits.mayExpire, mayBeLost: habits.mayBeLost)
  }

  /// A cart with different quantities, so that swapped lines are noticed.
  private func cart() -> [(sku: String, quantity: Int)] {
    let skus = Int.random(in: 0..<3) == 0 ? [Self.scarce, Self.plenty, Self.ample] : [Self.plenty, Self.ample]
    return skus.prefix(.random(in: 1...habits.maxItems)).enumerated().map { (sku: $1, quantity: $0 + 1) }
  }

  /// Makes one attempt, and usually more at other nodes while the outcome is open.
  private func attempt(_ entry: LedgerEntry) async throws -> LedgerEntry {
    var entry = entry
    var last = node(among: cluster.nodes)
    try await attempt(&entry, at: last)
    for _ in 1..<habits.attempts where entry.isOpen && Int.random(in: 0..<4) > 0 {
      last = node(among: cluster.nodes.filter { $0 !== last })
      try await attempt(&entry, at: last)
    }
    if entry.success != nil { progress.withLockedValue { $0.successes += 1 } }
    // A shopper pauses for a moment, and longer after "try again".
    try await Task.sleep(for: .milliseconds(entry.isOpen ? 50 : Int.random(in: 1...15)))
    return entry
  }

  /// A random node. A node that may be silent is chosen rarely, as behind a load balancer.
  private func node(among nodes: [NodeUnderTest]) -> NodeUnderTest {
    let speaking = nodes.filter { trouble(at: $0) != .silence }
    let choice = speaking.isEmpty || Int.random(in: 0..<20) == 0 ? nodes : speaking
    return choice.randomElement() ?? cluster.nodes[0]
  }

  private func attempt(_ entry: inout LedgerEntry, at node: NodeUnderTest) async throws {
    let before = trouble(at: node)
    var worst: Trouble { max(before, trouble(at: node)) }
    do {
      let limit = before == .silence ? Self.patience : .seconds(30)
      try await entry.attempt(at: node, within: limit) { worst == .silence }
    } catch is NoAnswer where worst == .silence {
      return
    }
    let isFine = entry.answers.last.map { $0.status < 500 || $0.isExcused } ?? true
    #expect(isFine || worst != .none, "nothing was done to this node: \(entry.key): \(entry.answers)")
  }
}

extension Traffic.Trouble: Comparable {
  static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
}

extension TestCluster {
  /// Checks that every node becomes ready and reserves again by itself within 2 s after Redis serves.
  func expectRecovery(ttlSeconds: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await eventually("Redis serves", every: .milliseconds(5)) { redis.serves }
    let served = ContinuousClock.now
    try await whenAllServe(ttlSeconds: ttlSeconds)
    // The margin is for the way to this process, as for answers.
    let took = ContinuousClock.now - served
    #expect(took < .milliseconds(2500) + ControlTimer.shared.allowance(since: served), sourceLocation: sourceLocation)
  }

  /// Returns when every node is ready and reserves.
  ///
  /// - Parameter exempt: a node that need not serve.
  func whenAllServe(ttlSeconds: Int, but exempt: NodeUnderTest? = nil) async throws {
    for node in nodes where node !== exempt {
      try await eventually("the node serves again", every: .milliseconds(10)) {
        let recovery = TestRequest.reserve(
          Traffic.plenty, ttl: ttlSeconds, reference: "\(Traffic.aside)recovery-\(UUID())")
        let isReady = await node.isReady
        return try await node.send(recovery).status == 201 && isReady
      }
    }
  }
}
