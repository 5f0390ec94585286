import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Shoppers who go on buying whatever happens to Redis and to the nodes, and write down all they were told.
final class Traffic: Sendable {
  struct Habits: Sendable {
    enum Ending { case confirm, extendThenConfirm, cancel, forget }

    var shoppers: Int
    var ttlSeconds: ClosedRange<Int>
    var maxItems: Int
    /// How often a shopper asks who is told nothing, at one node after the other.
    var attempts = 2
    /// What a shopper does with a reservation: any of these.
    var endings: [Ending]
    /// What has become in the end of one that was forgotten; nil: it depends.
    var forgotten: String?
    /// Whether Redis may lose what shoppers were told.
    var mayBeLost = false

    /// What is scarce comes back again and again, so that there are refusals and late successes both.
    static let patient = Habits(
      shoppers: 16, ttlSeconds: 3600...3600, maxItems: 1, endings: [.confirm, .cancel, .cancel, .forget],
      forgotten: "ACTIVE")
    static let hasty = Habits(
      shoppers: 12, ttlSeconds: 1...2, maxItems: 3, endings: [.confirm, .cancel, .forget, .forget],
      forgotten: "EXPIRED")

    /// Some holds expire, some are still held in the end; and each step is insisted on.
    static let stubborn = Habits(
      shoppers: 12, ttlSeconds: 2...90, maxItems: 3, attempts: 4,
      endings: [.confirm, .confirm, .extendThenConfirm, .cancel, .forget], forgotten: nil, mayBeLost: true)

    var mayExpire: Bool { forgotten != "ACTIVE" }
  }

  /// What clients of a node must be ready for while something is done to it.
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
  /// References of reservations that are made beside the traffic begin so.
  static let aside = "aside-"
  /// A node that may be silent is given up after this.
  private static let patience = Duration.seconds(1)

  init(on cluster: TestCluster, _ habits: Habits) async throws {
    (self.cluster, self.habits) = (cluster, habits)
    for (sku, total) in Self.totals { try await cluster.succeed(.setStock(sku, total: total)) }
  }

  /// From now on requests to these nodes may go wrong; any other one that does is a fault.
  func expect(_ trouble: Trouble, at nodes: [NodeUnderTest]) {
    troubles.withLockedValue { troubles in
      for node in nodes { troubles[ObjectIdentifier(node)] = trouble }
    }
  }

  func expectNoMoreTrouble() { troubles.withLockedValue { $0.removeAll() } }

  private func trouble(at node: NodeUnderTest) -> Trouble {
    troubles.withLockedValue { $0[ObjectIdentifier(node)] ?? .none }
  }

  /// Lets the shoppers buy for as long as `fault` takes, and returns what they were told.
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

  /// Returns when business goes on as usual: so many further successes.
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

  /// Different quantities, so that lines that are mixed up do not go unseen.
  private func cart() -> [(sku: String, quantity: Int)] {
    let skus = Int.random(in: 0..<3) == 0 ? [Self.scarce, Self.plenty, Self.ample] : [Self.plenty, Self.ample]
    return skus.prefix(.random(in: 1...habits.maxItems)).enumerated().map { (sku: $1, quantity: $0 + 1) }
  }

  /// One attempt, and mostly another one at another node where the last told nothing.
  private func attempt(_ entry: LedgerEntry) async throws -> LedgerEntry {
    var entry = entry
    var last = node(among: cluster.nodes)
    try await attempt(&entry, at: last)
    for _ in 1..<habits.attempts where entry.isOpen && Int.random(in: 0..<4) > 0 {
      last = node(among: cluster.nodes.filter { $0 !== last })
      try await attempt(&entry, at: last)
    }
    if entry.success != nil { progress.withLockedValue { $0.successes += 1 } }
    // A shopper takes a moment to think; one who was told to try again does not do so at once.
    try await Task.sleep(for: .milliseconds(entry.isOpen ? 50 : Int.random(in: 1...15)))
    return entry
  }

  /// Any of them, but one that may be silent only now and then, as behind a load balancer.
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
  /// Every node becomes ready and reserves again, by itself, within 2 s of Redis serving.
  func expectRecovery(ttlSeconds: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await eventually("Redis serves", every: .milliseconds(5)) { redis.serves }
    let served = ContinuousClock.now
    try await whenAllServe(ttlSeconds: ttlSeconds)
    // The margin is for the way to here, as with answers.
    let took = ContinuousClock.now - served
    #expect(took < .milliseconds(2500) + ControlTimer.shared.allowance(since: served), sourceLocation: sourceLocation)
  }

  /// Returns when every node is ready and reserves.
  ///
  /// - Parameter exempt: of which this is not asked.
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
