import Foundation
import Synchronization
import TestSupport
import Testing

/// Shoppers who go on buying whatever happens to Redis, and write down all they were told.
final class Traffic: Sendable {
  private struct Progress {
    var isOver = false
    var successes = 0
  }

  private let cluster: TestCluster
  private let progress = Mutex(Progress())
  static let plenty = "plenty", scarce = "scarce"

  init(on cluster: TestCluster) async throws {
    self.cluster = cluster
    try await cluster.succeed(.setStock(Self.plenty, total: 1_000_000))
    try await cluster.succeed(.setStock(Self.scarce, total: 25))
  }

  /// Runs so many shoppers for as long as `fault` takes, and returns what they were told.
  func run(shoppers: Int = 16, during fault: @Sendable () async throws -> Void) async throws -> Ledger {
    let shopping = Task {
      try await concurrently(0..<shoppers) { [self] shopper in try await shop("shopper-\(shopper)") }
    }
    do {
      try await fault()
    } catch {
      progress.withLock { $0.isOver = true }
      _ = await shopping.result
      throw error
    }
    progress.withLock { $0.isOver = true }
    return Ledger(entries: try await shopping.value.flatMap(\.self))
  }

  /// Returns when business goes on as usual: so many further successes.
  func flows(_ successes: Int = 150) async throws {
    let before = progress.withLock { $0.successes }
    try await eventually("\(successes) further successes") {
      progress.withLock { $0.successes } >= before + successes
    }
  }

  private func shop(_ name: String) async throws -> [LedgerEntry] {
    var entries: [LedgerEntry] = []
    while !progress.withLock({ $0.isOver }) {
      let key = "\(name)-\(entries.count)"
      let sku = Int.random(in: 0..<3) == 0 ? Self.scarce : Self.plenty
      let held = try await attempt(LedgerEntry(key, .reserve, .reserve(sku, ttl: 3600, reference: key)))
      entries.append(held)
      guard let id = held.success?.id else { continue }
      switch Int.random(in: 0..<4) {
      case 0: entries.append(try await attempt(LedgerEntry("confirm-\(key)", .confirm(of: key), .confirm(id))))
      // What is scarce comes back again and again, so that there are refusals and late successes both.
      case 1, 2: entries.append(try await attempt(LedgerEntry("cancel-\(key)", .cancel(of: key), .cancel(id))))
      default: break
      }
    }
    return entries
  }

  /// One attempt, and mostly a second one at another node where the first told nothing.
  private func attempt(_ entry: LedgerEntry) async throws -> LedgerEntry {
    var entry = entry
    let first = cluster.node
    try await entry.attempt(at: first)
    if entry.isOpen, Int.random(in: 0..<4) > 0 {
      try await entry.attempt(at: cluster.nodes.filter { $0.port != first.port }.randomElement() ?? first)
    }
    if entry.success != nil { progress.withLock { $0.successes += 1 } }
    // A shopper takes a moment to think; one who was told to try again does not do so at once.
    try await Task.sleep(for: .milliseconds(entry.isOpen ? 50 : Int.random(in: 1...15)))
    return entry
  }
}

extension TestCluster {
  /// Every node becomes ready and reserves again, by itself, within 2 s of Redis serving.
  func expectRecovery(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await eventually("Redis serves", every: .milliseconds(5)) { redis.serves }
    let clock = ContinuousClock()
    let served = clock.now
    for node in nodes {
      try await eventually("the node serves again", every: .milliseconds(10)) {
        let reserved = try await node.send(.reserve(Traffic.plenty, reference: "recovery-\(UUID())"))
        return await node.isReady && reserved.status == 201
      }
    }
    // The margin is for the scheduler, as with answers.
    #expect(clock.now - served < .milliseconds(2500), sourceLocation: sourceLocation)
  }
}
