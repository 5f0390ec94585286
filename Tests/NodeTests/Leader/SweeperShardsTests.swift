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
    let log = LogRecorder()
    let scripts = ScriptLibrary(tuning: .init(), shards: ShardMap(count: 4))
    private var sweeper: Sweeper!
    /// The shards that were swept, trimmed and asked for unsettled carts.
    var sweeps: [String] = [], trims: [String] = [], settlings: [String] = []
    /// How many milliseconds each shard has told until its next hold is due.
    var nextDue: [String: Int64] = [:]
    /// The cart that each shard tells as unsettled.
    var unsettled: [String: String] = [:]
    /// Whether Redis refuses to tell where a cart stands.
    var isRefused = false

    init() {
      link.onSend = { [unowned self] command in play(command) }
      sweeper = Sweeper(
        eventLoop: link.loop, sweep: ShardedStore(scripts: scripts, link: link).sweep, metrics: SweepMetrics(),
        logger: log.logger, report: { _ in })
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
        command.line("OK \(link.redisNow)" + (unsettled[key].map { " \($0)" } ?? ""))
      case scripts.standing.script.sha where isRefused: command.answer(.success(.error("NOPERM no")))
      case scripts.standing.script.sha: command.line("VOID \(link.redisNow)")
      case scripts.acknowledge.script.sha:
        unsettled[key] = nil
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

  @Test func `that a cart cannot be settled is logged once, and its end once, though other shards are well`() throws {
    let bench = Bench()
    var random = SeededRandom(1)
    bench.unsettled[Self.keys[1]] = ReservationID(random: &random, home: Shard(number: 1)).text
    bench.isRefused = true
    bench.begin()
    bench.link.pass(3500)
    let refusal = try #require(bench.log.all.first)
    #expect(bench.log.all.count == 1 && refusal.hasPrefix("refused by Redis"), "\(bench.log.all)")
    #expect(refusal.contains("NOPERM no") && refusal.contains("settle"), "\(bench.log.all)")
    bench.isRefused = false
    bench.link.pass(3500)
    let end = try #require(bench.log.all.last)
    #expect(bench.log.all.count == 2 && end.hasPrefix("no longer refused by Redis"), "\(bench.log.all)")
    #expect(bench.unsettled == [:])
  }
}
