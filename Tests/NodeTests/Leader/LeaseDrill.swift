import TestSupport

@testable import Node

/// One fault of the leader, in a world where all else is well: who leads next, and when.
struct LeaseDrill {
  enum Fault: CaseIterable {
    case retired
    case killed
    /// Lost with its machine: Redis does not learn of it.
    case vanished
    /// Stands still for a while, as by SIGSTOP.
    case stopped
    /// Its link is broken, and made anew at once.
    case linkReset
  }

  /// What was promised and did not come true; nil if all did.
  private(set) var breach: String?
  /// Milliseconds from the fault to the first sweep of another node; nil if there was none.
  private(set) var successorAfter: Int?
  private let fault: Fault
  private let world: LeaseSimulation

  /// - Parameter keepsTrace: remembers what happened, for ``breach``.
  init(_ fault: Fault, seed: UInt64, mistake: LeaseMistake? = nil, keepsTrace: Bool = false) {
    self.fault = fault
    var random = SeededRandom(~seed)
    let rates = LeaseSimulation.rates(&random)
    world = LeaseSimulation(seed: seed, nodes: rates, mistake: mistake, keepsTrace: keepsTrace)
    world.begin()
    world.run(until: random.number(3_000_000...6_000_000))
    guard let leader = world.leader else {
      breach = world.promises.breach ?? "nobody leads"
      return
    }
    let began = world.now
    befall(leader)
    while world.promises.breach == nil, world.now < began + 5_000_000, world.lastSweep?.node == leader.index {
      world.run(until: world.now + 1000)
    }
    successorAfter = world.lastSweep.flatMap { $0.node == leader.index ? nil : ($0.at - began) / 1000 }
    if fault == .stopped, world.promises.breach == nil {
      leader.resume()
      world.run(until: world.now + 1_000_000)
      if world.leader === leader { world.promises.broken("who had stood still leads again") }
    }
    judge(slowest: Double(rates.min() ?? 1000) / 1000)
  }

  private func befall(_ leader: SimulatedNode) {
    switch fault {
    case .retired: leader.retire()
    case .killed: world.kill(leader, quietly: false)
    case .vanished: world.kill(leader, quietly: true)
    case .stopped: leader.pause()
    case .linkReset: world.reset(leader)
    }
  }

  private mutating func judge(slowest rate: Double) {
    let after = successorAfter.map { "the next leader's sweep after \($0) ms" } ?? "no other leader"
    let latest = Self.latest(fault, slowest: rate, world.timing)
    let isDone = latest.map { (successorAfter ?? .max) <= $0 } ?? (successorAfter == nil)
    if !isDone { world.promises.broken("\(fault): \(after)") }
    breach = world.promises.breach.map { "\($0)\n\(world.story)" }
  }

  /// When the next leader sweeps at the latest, in milliseconds; nil if the leader is to stay.
  private static func latest(_ fault: Fault, slowest rate: Double, _ timing: LeaseTiming) -> Int? {
    switch fault {
    case .retired: 100
    // Each look-up finds it missing, until it has been so for long enough by the follower's own clock.
    case .killed: Int((timing.absence + timing.lookUp * 2.2) / .milliseconds(1) / rate) + 20
    case .vanished, .stopped: LeaseRun.bound / 1000
    case .linkReset: nil
    }
  }
}
