import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

/// A drain lets the current batch end before it releases the lease. The test controls the time here. In a real process
/// all of this would have to happen during one batch.
@Suite struct SweeperDrainTests {
  /// A leader's sweeper on a link whose batches the test answers.
  private final class Bench {
    let link = ScriptedLink()
    let sweeper: Sweeper
    var hasFinished = false

    init() {
      let scripts = ScriptLibrary(tuning: .init())
      sweeper = Sweeper(
        eventLoop: link.loop, sweep: ShardedStore(scripts: scripts, link: link).sweep,
        metrics: SweepMetrics(), logger: .silent, report: { _ in })
      let term = LeaseMachine.Term(token: String(repeating: "a", count: 32), epoch: 1)
      sweeper.begin(.init(term: { term }, fenced: { _ in Issue.record("the sweeper ended a term") }))
      link.pass(0)
    }

    func finish() { sweeper.finish { self.hasFinished = true } }

    /// Ends the current batch. No hold is left to sweep.
    func endBatch() { link.last.line("OK \(link.redisNow) 0 -") }
  }

  @Test func `a drain waits for the batch under way, and begins no other`() {
    let bench = Bench()
    #expect(bench.link.sent.count == 1)
    bench.finish()
    #expect(!bench.hasFinished)
    bench.endBatch()
    #expect(bench.hasFinished)
    bench.link.pass(10_000)
    #expect(bench.link.sent.count == 1)
  }

  @Test func `a drain that is taken back while a batch is under way is forgotten: the term goes on`() {
    let bench = Bench()
    bench.finish()
    bench.sweeper.resume()
    bench.endBatch()
    #expect(!bench.hasFinished)
    bench.link.pass(10_000)
    #expect(!bench.hasFinished && bench.link.sent.count > 1)
  }

  @Test func `a drain that is taken back after the batch under way has ended comes too late for the term`() {
    let bench = Bench()
    bench.finish()
    bench.endBatch()
    bench.sweeper.resume()
    #expect(bench.hasFinished)
  }

  @Test func `trimming that Redis refuses is not tried again at once, and keeps no sweep waiting`() {
    let bench = Bench()
    let trim = ScriptLibrary(tuning: .init()).trim.script.sha
    bench.link.onSend = { command in
      if command.arguments[1] == trim {
        command.answer(.success(.error("NOPERM not for you")))
      } else {
        command.line("OK \(bench.link.redisNow) 0 -")
      }
    }
    bench.endBatch()
    bench.link.pass(3000)
    let trims = bench.link.sent.count { $0.arguments[1] == trim }
    #expect((1...4).contains(trims) && bench.link.sent.count > 30, "\(trims) of \(bench.link.sent.count)")
  }
}
