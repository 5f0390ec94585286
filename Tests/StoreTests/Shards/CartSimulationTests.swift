import TestSupport
import Testing

@testable import Store

/// Carts over shards, and keys over shards, in random faults: nodes that die at any step, messages that are lost, late or
/// doubled, shards whose clocks are seconds apart and which fail over.
@Suite struct CartSimulationTests {
  private static let calm = CartWorld.Weather()
  private static let failing = CartWorld.Weather(failovers: true)
  private static let losing = CartWorld.Weather(failovers: true, awaitsReplicas: false)

  @Test(arguments: [0, 1, 2, 3])
  func `nothing is sold twice, left held, or acknowledged and lost, whoever dies when`(quarter: Int) throws {
    let seeds = try Seeds(total: 5000).part(quarter, of: 4)
    for seed in seeds { #expect(CartRun(seed: seed, Self.calm).breaches == [], "seed \(seed), calm") }
  }

  @Test(arguments: [0, 1, 2, 3])
  func `nor where shards fail over and replicas are awaited`(quarter: Int) throws {
    let seeds = try Seeds(total: 4000).part(quarter, of: 4)
    for seed in seeds { #expect(CartRun(seed: seed, Self.failing).breaches == [], "seed \(seed), failing over") }
  }

  @Test func `a failover that loses writes leaves no SKU's sums wrong and nothing held`() throws {
    for seed in try Seeds(total: 1000).part(0, of: 1) {
      #expect(CartRun(seed: seed, Self.losing, areLossesAllowed: true).breaches == [], "seed \(seed), losing")
    }
  }

  @Test(arguments: CartMistake.allCases)
  func `each mistake is noticed`(mistake: CartMistake) {
    let noticed = (1...3000).contains { !CartRun(seed: UInt64($0), Self.failing, mistake: mistake).breaches.isEmpty }
    #expect(noticed)
  }

  @Test func `the simulation has faults enough to prove something`() {
    var tally = CartRecord.Tally()
    for seed: UInt64 in 1...400 { tally += CartRun(seed: seed, Self.calm).tally }
    #expect(
      tally.carts > 1000 && tally.confirmed > 500 && tally.refused > 200 && tally.unknown > 50
        && tally.orphans > 50,
      "\(tally)")
  }
}
