import Common
import Foundation
import Testing

@testable import Node

@Suite struct StoreJudgeTests {
  @Test func `whatever the order: no loss is told that was none, and none is missed once a probe has run`() {
    var (losses, acknowledgements) = (0, 0)
    for seed in UInt64(1)...3000 {
      var simulation = StoreSimulation(seed: seed)
      simulation.run(steps: 600)
      #expect(simulation.breaches == [], "seed \(seed)")
      if !simulation.breaches.isEmpty { break }
      losses += simulation.losses
      acknowledgements += simulation.acknowledgements
    }
    #expect(losses > 3000 && acknowledgements > 1000, "\(losses) losses, \(acknowledgements) acknowledgements")
  }

  @Test func `no loss is made up or missed where processes end before they have heard or told anything`() {
    var losses = 0
    for seed in UInt64(400)...599 {
      var simulation = StoreSimulation(seed: seed, restarts: 8)
      simulation.run(steps: 1500)
      #expect(simulation.breaches == [], "seed \(seed)")
      if !simulation.breaches.isEmpty { break }
      losses += simulation.losses
    }
    #expect(losses > 100, "\(losses) losses")
  }

  @Test func `however many processes start in a store that was set back, the coordinator tells the loss`() {
    var memory = StoreMemory()
    memory.heard(HealthReport.Store(identity: "I", mark: 9000, markedBy: "a", acknowledged: 0))
    for start in 1...50 {
      // It has not heard from the coordinator when it is asked for its health. Then it ends.
      let fresh = Bench()
      fresh.probe("I", ["a": 1000, "fresh\(start)": 9000 + Int64(start)])
      memory.heard(HealthReport.Store(fresh.judge))
    }
    bench.hear(memory)
    #expect(bench.probe("I", ["a": 1000, "fresh50": 9050])?.seenMark == 9000)
    #expect(HealthReport.Store(bench.judge).acknowledged == 0)
  }

  @Test func `a loss outlives the processes that found it, and the coordinator, until it is acknowledged`() throws {
    bench.hear(StoreMemory())
    bench.probe("I", ["a": 2000])
    let loss = try #require(bench.probe("J", ["b": 3000]))
    var memory = StoreMemory()
    memory.heard(HealthReport.Store(bench.judge))
    // As the coordinator saves it in its file and reads it again.
    memory = try JSONDecoder().decode(StoreMemory.self, from: JSONEncoder().encode(memory))
    let fresh = Bench()
    fresh.probe("J", ["b": 3000])
    fresh.hear(memory)
    #expect(fresh.judge.loss == loss)
    fresh.probe("J", ["b": 3000])
    memory.heard(HealthReport.Store(identity: "J", mark: 4000, markedBy: "c", acknowledged: 0))
    #expect(memory.evidence == nil, "what is found there is no measure yet")
    memory.acknowledge([HealthReport.Store(fresh.judge)], at: 7)
    #expect(memory.loss == nil && memory.evidence?.identity == "J")
    #expect(fresh.hear(memory) && fresh.judge.loss == nil && fresh.probe("J", ["b": 3000]) == nil)
  }

  private static func after(_ marks: [String: Int64], identity: String = "I") -> StoreEvidence {
    StoreEvidence(identity: identity, marks: marks)
  }

  /// A node's judge.
  private final class Bench {
    var judge = StoreJudge()

    /// One probe.
    @discardableResult
    func probe(_ identity: String?, _ marks: [String: Int64], floor: Int64 = 0) -> HealthReport.Store.Loss? {
      end(judge.begin(), identity, marks, floor: floor)
    }

    func end(
      _ probe: StoreJudge.Probe, _ identity: String?, _ marks: [String: Int64], floor: Int64 = 0
    ) -> HealthReport.Store.Loss? {
      judge.ended(
        probe, found: StoreSight(identity: identity, marks: marks, floor: floor),
        after: StoreJudgeTests.after(marks, identity: identity ?? "new"), at: 1_800_000_000_000)
    }

    @discardableResult
    func hear(_ memory: StoreMemory) -> Bool { judge.heard(memory) }
  }

  private let bench = Bench()

  @Test(arguments: [(nil, [:]), ("J", ["b": 9000]), ("I", ["a": 1000])] as [(String?, [String: Int64])])
  func `an empty store, another one, and an older one are told apart; the first one is none of them`(
    identity: String?, marks: [String: Int64]
  ) {
    #expect(bench.probe("I", ["a": 2000]) == nil)
    #expect(bench.probe("I", ["a": 2000, "b": 2500]) == nil)
    let loss = bench.probe(identity, marks)
    #expect(loss?.seenIdentity == "I" && loss?.seenMark == 2500)
    #expect(loss?.foundIdentity == identity && loss?.foundMark == marks.values.max())
    #expect(bench.probe(identity, marks) == nil, "told once")
    #expect(bench.judge.loss == loss && loss?.since == "2027-01-15T08:00:00.000Z", "and stands")
  }

  @Test(arguments: [(2000, false), (8999, false), (1999, true)] as [(Int64, Bool)])
  func `a mark that was dropped because there are too many is no loss; one beyond the floor is`(
    floor: Int64, isLoss: Bool
  ) {
    bench.probe("I", ["a": 2000])
    #expect((bench.probe("I", ["b": 9000], floor: floor) != nil) == isLoss)
  }

  @Test func `what the coordinator tells is held against the next probe, not against one that has begun`() {
    let begun = bench.judge.begin()
    bench.hear(StoreMemory(evidence: Self.after(["a": 5000])))
    #expect(bench.end(begun, "I", [:]) == nil)
    #expect(bench.probe("I", ["a": 4999, "z": 9999]) != nil, "marks of others hide nothing")
  }

  @Test func `an acknowledgement ends a loss once, and later ones count`() {
    bench.probe("I", ["a": 2000])
    bench.probe("J", ["a": 3000])
    let report = HealthReport.Store(bench.judge)
    #expect(report.loss != nil && report.identity == "J" && report.mark == 3000 && report.acknowledged == nil)
    var memory = StoreMemory(evidence: Self.after(["a": 2000]))
    memory.heard(report)
    #expect(memory.evidence?.identity == "I", "who tells of a loss does not hide it")
    memory.acknowledge([report], at: 7)
    #expect(memory.acknowledged == 7 && memory.evidence == Self.after(["a": 3000], identity: "J"))
    #expect(bench.hear(memory) && bench.judge.loss == nil)
    #expect(!bench.hear(memory), "told again")
    #expect(!bench.hear(StoreMemory(evidence: Self.after(["a": 2000]))), "told late")
    #expect(bench.probe("J", ["a": 3000]) == nil)
    #expect(bench.probe(nil, [:]) != nil)
  }

  @Test func `what no node of ours can have written is not remembered, whoever tells it`() {
    #expect(!bench.hear(StoreMemory(acknowledged: .max)) && bench.judge.acknowledged == 0)
    bench.hear(StoreMemory(evidence: Self.after(["a": .max])))
    #expect(bench.judge.evidence == [])
  }
}
