import TestSupport

@testable import Node

/// The simulated world for one seed: a time with random faults, then a time without.
struct LeaseRun {
  /// The longest time from the end of the faults until a node leads, by Redis's clock: TTL + 300 ms.
  ///
  /// A lease that nobody renews expires within its TTL. A follower tries again at min(remaining + retry, look) by its
  /// own clock, where retry varies by a tenth. For a clock at the rate r that is at most look / r − (look − 1.1 retry)
  /// after the expiry: 55 ms at the rate 1, 180 ms at 0.8. The rest is for the way to Redis and back.
  static let bound = 3_300_000
  /// Setting the clock back prolongs a lease. The next try cuts the lease to the TTL. That try comes after the look, or
  /// when the node's link is up again, which takes a second.
  private static let looksAgain = 2_000_000
  /// Longer than a slow leader needs for two renewals.
  private static let rest = 1_500_000

  let seed: UInt64
  let world: LeaseSimulation

  /// - Parameter keepsTrace: whether ``breach`` includes a trace of the events.
  init(seed: UInt64, mistake: LeaseMistake? = nil, keepsTrace: Bool = false) {
    self.seed = seed
    var random = SeededRandom(~seed)
    let rates = LeaseSimulation.rates(&random)
    world = LeaseSimulation(seed: seed, nodes: rates, mistake: mistake, keepsTrace: keepsTrace)
    let end = random.number(3_000_000...10_000_000)
    world.suffer(until: end)
    world.run(until: end)
    recover()
  }

  private func recover() {
    let ttl = Int(world.timing.ttl / .milliseconds(1))
    let remaining = world.redis.lease(at: world.now).map { $0.expires - world.redis.clock(at: world.now) } ?? 0
    world.run(until: world.now + Self.bound + (remaining > ttl ? Self.looksAgain : 0))
    let elected = world.lastElection
    check(within: "the bound")
    world.run(until: world.now + Self.rest)
    check(within: "the time after it")
    if world.lastElection != elected { world.promises.broken("another leader although nothing happened") }
  }

  private func check(within time: String) {
    guard let sweep = world.lastSweep, let leader = world.leader, leader.index == sweep.node,
      world.now - sweep.at < 2 * SimulatedNode.sweepInterval
    else { return world.promises.broken("nobody leads and sweeps within \(time)") }
    for node in world.nodes where node.isRunning && node.stands && node.greatestEpoch > leader.greatestEpoch {
      world.promises.broken(
        "n\(leader.index) leads in epoch \(leader.greatestEpoch), and n\(node.index) has seen"
          + " \(node.greatestEpoch)")
    }
  }

  /// The broken promise, and the events that led to it.
  var breach: String? {
    world.promises.breach.map { what in
      """
      seed \(seed), at \(world.now / 1000) ms: \(what)
      \(world.story)
      Again, alone: HOLDFAST_TEST_SEED=\(seed) swift test --filter LeaseSimulationTests
      """
    }
  }
}
