import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct HoldReleaserTests {
  private static func releaser(_ link: ScriptedLink) -> HoldReleaser {
    HoldReleaser(stock: ShardedStore(scripts: .init(tuning: .init()), link: link).stock)
  }

  @Test func `holds are released step by step until nothing of any SKU is due`() {
    let link = ScriptedLink()
    var steps = ["A": 3, "B": 0, "C": 1]
    var asked: [String] = []
    link.onSend = { command in
      let sku = command.arguments[4]
      asked.append(sku)
      steps[sku, default: 0] -= 1
      command.line("OK 500 80 \(steps[sku, default: 0] > 0 ? "499" : "501")")
    }
    var outcomes: [HoldReleaser.Outcome] = []
    Self.releaser(link).release(["A", "B", "C"].map { SKU(stored: $0.utf8) }, arrival: link.loop.now) {
      outcomes.append($0)
    }
    #expect(asked == ["A", "A", "A", "B", "C"])
    #expect(outcomes == [.released])
  }

  /// The contract: 503 `overloaded` if half a second of steps is not enough.
  @Test func `releasing gives up after half a second`() {
    let link = ScriptedLink()
    var outcomes: [HoldReleaser.Outcome] = []
    // There is always more to release, and each step takes time.
    link.onSend = { [unowned link] command in
      link.at(link.loop.now + .milliseconds(200)) { command.line("OK 500 80 499") }
    }
    Self.releaser(link).release([SKU(stored: "A".utf8)], arrival: link.loop.now) { outcomes.append($0) }
    link.pass(599)
    #expect(outcomes == [])
    link.pass(1)
    #expect(link.sent.map(\.sentAt) == [0, 200, 400].map { .uptimeNanoseconds(0) + .milliseconds($0) })
    #expect(outcomes == [.tooMany] && HoldReleaser.Outcome.tooMany.problem?.kind == .overloaded)
  }

  @Test func `a failed step ends the release, and does nothing else`() {
    let link = ScriptedLink()
    link.onSend = { $0.answer(.failure(.unknown(.linkLost))) }
    var outcomes: [HoldReleaser.Outcome] = []
    Self.releaser(link).release(["A", "B"].map { SKU(stored: $0.utf8) }, arrival: link.loop.now) {
      outcomes.append($0)
    }
    #expect(outcomes == [.failed(.redis(.unknown(.linkLost)))] && link.sent.count == 1)
    #expect(outcomes.first?.problem?.kind == .storeUnavailable)
  }
}
