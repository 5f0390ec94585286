import Testing

@testable import Common

@Suite struct StoreMemoryTests {
  @Test func `a coordinator whose file is lost learns of acknowledgements by the nodes`() {
    var memory = StoreMemory()
    memory.heard(HealthReport.Store(identity: "J", mark: 3, markedBy: "a", acknowledged: 9))
    memory.heard(HealthReport.Store(identity: "I", mark: 4, markedBy: "b"))
    #expect(memory.acknowledged == 9 && memory.evidence == StoreEvidence(identity: "J", marks: ["a": 3]))
  }

  @Test func `what no node of ours can have written is not remembered, whoever tells it`() {
    var memory = StoreMemory()
    let texts = ["", "a b", String(repeating: "a", count: 65), "\u{0}"]
    for text in texts { memory.heard(HealthReport.Store(identity: text, mark: 1, markedBy: "a", acknowledged: 0)) }
    memory.heard(HealthReport.Store(identity: "I", mark: .max, markedBy: "a", acknowledged: 0))
    memory.heard(HealthReport.Store(identity: "I", mark: 1, markedBy: "a", acknowledged: .max))
    #expect(memory == StoreMemory())
  }

  @Test func `as many marks as may be are kept, the newest`() {
    var evidence = StoreEvidence(identity: "I")
    for mark in Int64(1)...100 { evidence.add(mark, by: "p\(mark % 50)") }
    #expect(evidence.marks.count == StoreEvidence.maxMarks && evidence.marks.values.min() == 85)
  }
}
