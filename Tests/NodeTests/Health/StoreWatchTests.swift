import Logging
import NIOCore
import Testing

@testable import Node

@Suite struct StoreWatchTests {
  private static let info = """
    # Memory\r
    used_memory_human:1.00M\r
    used_memory:1048576\r
    used_memory_rss:99\r
    maxmemory:0\r
    maxmemory_human:0B\r
    maxmemory_policy:noeviction\r
    mem_fragmentation_ratio:7.03\r
    broken:\r
    \r
    """

  @Test(
    arguments: [
      ("used_memory", 1_048_576), ("used_memory_rss", 99), ("maxmemory", 0), ("maxmemory_policy", nil), ("broken", nil),
      ("mem_fragmentation_ratio", nil), ("used", nil), ("memory", nil), ("", nil), ("used_memory_human", nil),
    ] as [(String, Int?)])
  func aNumberIsReadByItsWholeName(name: String, number: Int?) {
    #expect(StoreWatch.number(name, in: Self.info) == number)
  }

  @Test func nothingIsFoundInNothing() { #expect(StoreWatch.number("used_memory", in: "") == nil) }

  /// A watch over a Redis that answers within a millisecond, or not as it should.
  private final class Bench {
    let link = ScriptedLink()
    var settings = ["appendonly": "yes", "maxmemory-policy": "noeviction"]
    /// What the next questions for `appendonly` are answered with instead of the setting.
    var faults: [ScriptedLink.Answer] = []
    var reports: [StoreReport] = []
    var unfit: [StoreWatch.Unfit] = []

    init() {
      link.onSend = { [unowned self] command in
        link.at(link.loop.now + .milliseconds(1)) { command.answer(self.answer(to: command.arguments)) }
      }
    }

    func start() {
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      StoreWatch(link: link, logger: logger, report: { self.reports.append($0) }, unfit: { self.unfit.append($0) })
        .start()
    }

    private func answer(to words: [String]) -> ScriptedLink.Answer {
      guard words.starts(with: ["CONFIG", "GET"]) else {
        return .success(.bytes(Array(StoreWatchTests.info.utf8)))
      }
      if words.contains("appendonly"), !faults.isEmpty { return faults.removeFirst() }
      // In an order of Redis's own.
      let names = words.dropFirst(2).sorted()
      return .success(
        .array(names.flatMap { [$0, settings[$0] ?? ""] }.map { .bytes(Array($0.utf8)) }))
    }
  }

  private static let noAnswers: [ScriptedLink.Answer] = [
    .failure(.unknown(.deadlinePassed)), .failure(.unknown(.linkLost)), .failure(.notSent(.offline)),
    .success(.error("BUSY Redis is busy running a script")),
  ]

  @Test(arguments: noAnswers)
  func aStartWithoutAnAnswerAboutSettingsAsksAgainAndWarnsOfNothing(fault: ScriptedLink.Answer) {
    let bench = Bench()
    bench.faults = [fault, fault]
    bench.start()
    bench.link.pass(20)
    #expect(bench.reports.isEmpty, "nothing is known yet")
    bench.link.pass(200)
    #expect(!bench.reports.isEmpty && bench.reports.allSatisfy { $0.warnings.isEmpty })
  }

  /// Only a node that starts refuses such a store: it must not be let in by a question that went unanswered.
  @Test(arguments: noAnswers)
  func aStoreThatEvictsIsRefusedThoughTheFirstQuestionWentUnanswered(fault: ScriptedLink.Answer) {
    let bench = Bench()
    bench.settings["maxmemory-policy"] = "allkeys-lru"
    bench.faults = [fault]
    bench.start()
    bench.link.pass(200)
    #expect(bench.unfit.first?.reason.contains("allkeys-lru") == true && bench.reports.isEmpty)
  }

  @Test func whatWasKnownHoldsUntilThereIsAnAnswer() {
    let bench = Bench()
    bench.start()
    bench.link.pass(5000)
    bench.settings["appendonly"] = "no"
    bench.faults = [.failure(.unknown(.deadlinePassed)), .failure(.unknown(.deadlinePassed))]
    while !bench.faults.isEmpty, bench.link.sent.count < 1000 { bench.link.pass(10) }
    #expect(bench.reports.allSatisfy { $0.warnings.isEmpty })
    // Asked again at once, and not when settings would be looked at the next time.
    bench.link.pass(600)
    let warnings = bench.reports.last?.warnings
    #expect(warnings?.count == 1 && warnings?.first?.contains("appendonly") == true)
  }

  @Test func whereConfigIsForbiddenThatIsSaid() {
    let bench = Bench()
    bench.faults = [.success(.error("NOPERM this user has no permissions to run the 'config|get' command"))]
    bench.start()
    bench.link.pass(20)
    #expect(bench.reports.first?.warnings.first?.contains("could not check") == true)
  }
}
