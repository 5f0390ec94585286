import Foundation
import TestSupport
import Testing

@testable import Node

/// The promises about the leader, under random faults (``LeasePromises``) and single faults (``LeaseDrill``). They must
/// notice deliberate mistakes.
@Suite struct LeaseSimulationTests {
  private static let seedVariable = "HOLDFAST_TEST_SEED"
  private static let seeds: ClosedRange<UInt64> = 1...10_000
  private static let maxReports = 3

  /// Runs only the seed in HOLDFAST_TEST_SEED, if that is set.
  @Test func `never do two terms sweep at once, and somebody leads soon after faults end`() async {
    if let seed = ProcessInfo.processInfo.environment[Self.seedVariable].flatMap({ UInt64($0) }) {
      if let breach = LeaseRun(seed: seed, keepsTrace: true).breach { Issue.record("\(breach)") }
      return
    }
    async let even = Self.failing(Self.seeds.filter { $0 % 2 == 0 })
    async let odd = Self.failing(Self.seeds.filter { $0 % 2 == 1 })
    let failing = await even + odd
    for seed in failing.prefix(Self.maxReports) {
      Issue.record("\(LeaseRun(seed: seed, keepsTrace: true).breach ?? "seed \(seed) failed only once")")
    }
    #expect(failing.count <= Self.maxReports, "further seeds fail, too")
  }

  private static func failing(_ seeds: [UInt64]) async -> [UInt64] {
    var failing: [UInt64] = []
    for seed in seeds {
      if LeaseRun(seed: seed).world.promises.breach != nil { failing.append(seed) }
      // Other suites share the threads.
      await Task.yield()
    }
    return failing
  }

  @Test func `the simulation has faults enough to prove something`() async {
    var tally = LeaseTally()
    for seed: UInt64 in 1...300 {
      tally.add(LeaseRun(seed: seed).world.tally)
      await Task.yield()
    }
    #expect(tally.sweeps > 10_000 && tally.fenced > 100 && tally.late > 100)
    for opportunity in [LeaseMachine.Opportunity.lapsed, .vacated, .holderGone, .ownTermOver] {
      #expect(tally.opportunities[opportunity, default: 0] > 30, "\(opportunity)")
    }
    for end in LeaseMachine.EndOfTerm.allCases { #expect(tally.ends[end, default: 0] > 30, "\(end)") }
  }

  /// Followers are told when a leader retires. They look up the connection of a killed leader. They wait for the end of
  /// the lease of a leader that vanished or stands still. A leader whose link breaks and comes back stays the leader.
  @Test(arguments: LeaseDrill.Fault.allCases)
  func `a successor is there in time`(fault: LeaseDrill.Fault) async {
    for seed: UInt64 in 1...200 {
      if LeaseDrill(fault, seed: seed).breach != nil {
        Issue.record("seed \(seed): \(LeaseDrill(fault, seed: seed, keepsTrace: true).breach ?? "failed only once")")
        return
      }
      await Task.yield()
    }
  }

  @Test(arguments: LeaseMistake.allCases)
  func `mistakes are noticed`(mistake: LeaseMistake) async {
    for seed: UInt64 in 1...200 {
      if LeaseRun(seed: seed, mistake: mistake).world.promises.breach != nil { return }
      for fault in LeaseDrill.Fault.allCases where seed <= 20 {
        if LeaseDrill(fault, seed: seed, mistake: mistake).breach != nil { return }
      }
      await Task.yield()
    }
    Issue.record("nobody noticed \(mistake)")
  }
}
