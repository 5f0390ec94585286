import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

/// How the sweeper goes round the shards of a store. The test answers, and controls the time.
@Suite struct SweeperShardsTests {
  private final class Bench {
    private static let term = LeaseMachine.Term(token: String(repeating: "a", count: 32), epoch: 1_763_801_100_123)

    let link = ScriptedLink()
    let scripts = ScriptLibrary(tuning: .init(), shards: ShardMap(count: 4))
    private var sweeper: Sweeper!
    /// The shards that were swept, trimmed and asked for unsettled carts.
    var sweeps: [String] = [], trims: [String] = [], settlings: [String] = []
    /// How many milliseconds each shard has told until its next hold is due.
    var nextDue: [String: Int64] = [:]

    init() {
      link.onSend = { [unowned self] command in play(command) }
      sweeper = Sweeper(
        eventLoop: link.loop, sweep: ShardedStore(scripts: scripts, link: link).sweep, metrics: SweepMetrics(),
        logger: .silent, report: { _ in })
    }

    func begin() {
      sweeper.begin(.init(term: { Self.term }, fenced: { _ in Issue.record("the sweeper ended a term") }))
    }

    private func play(_ command: ScriptedLink.Command) {
      let (sha, key) = (command.arguments[1], command.arguments[3])
      switch sha {
      case scripts.sweep.script.sha:
        sweeps.append(key)
        #expect(command.arguments.last == "\(Self.term.epoch)", "the shard's fence is raised by it")
        command.line("OK \(link.redisNow) 0 " + (nextDue[key].map { "\(link.redisNow + $0)" } ?? "-"))
      case scripts.trim.script.sha:
        trims.append(key)
        command.line("OK \(link.redisNow) 0 -")
      case scripts.unsettled.script.sha:
        settlings.append(key)
        command.line("OK \(link.redisNow)")
      default: Issue.record("unexpected: \(command.arguments)")
      }
    }
  }

  private static let keys = ShardMap(count: 4).tags.map { "{\($0)}" }

  @Test func `a new leader sweeps each shard at once, and so raises all fences`() {
    let bench = Bench()
    bench.begin()
    bench.link.pass(10)
    #expect(Set(bench.sweeps) == Set(Self.keys) && bench.sweeps.count == 4)
  }

  @Test func `a shard is swept when its next hold is due, and each one now and then`() {
    let bench = Bench()
    bench.begin()
    bench.nextDue[Self.keys[2]] = 60
    bench.link.pass(10)
    (bench.sweeps, bench.nextDue) = ([], [:])
    bench.link.pass(60)
    #expect(bench.sweeps == [Self.keys[2]])
    bench.link.pass(2000)
    for key in Self.keys { #expect((5...12).contains(bench.sweeps.count { $0 == key }), "\(bench.sweeps)") }
  }

  @Test func `each shard is trimmed and asked for unsettled carts every second`() {
    let bench = Bench()
    bench.begin()
    bench.link.pass(3500)
    for key in Self.keys {
      #expect((3...5).contains(bench.trims.count { $0 == key }))
      #expect((3...5).contains(bench.settlings.count { $0 == key }))
    }
  }
}
