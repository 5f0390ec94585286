import TestSupport

@testable import Node

/// A single fault of the leader, while all else is healthy. Checks who leads next, and when.
struct LeaseDrill {
  enum Fault: CaseIterable {
    case retired
    case killed
    /// Lost with its machine, without notice to Redis.
    case vanished
    /// Stands still for a while, as after SIGSTOP.
    case stopped
    /// Its link breaks and is made again at once.
    case linkReset
  }

  /// The broken promise. Nil if all were kept.
  private(set) var breach: String?
  /// Milliseconds from the fault to the first sweep of another node. Nil if there was none.
  private(set) var successorAfter: Int?
  private let fault: Fault
  private let world: LeaseSimulation

  /// - Parameter keepsTrace: whether ``breach`` includes a trace of the events.
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

  /// The latest time for the next leader's first sweep, in milliseconds. Nil if the leader must stay.
  private static func latest(_ fault: Fault, slowest rate: Double, _ timing: LeaseTiming) -> Int? {
    switch fault {
    case .retired: 100
    // Look-ups find the connection missing until it has been missing long enough by the follower's clock.
    case .killed: Int((timing.absence + timing.lookUp * 2.2) / .milliseconds(1) / rate) + 20
    case .vanished, .stopped: LeaseRun.bound / 1000
    case .linkReset: nil
    }
  }
}
