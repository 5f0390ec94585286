import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// What the store concludes from the answers of its scripts, and what it reports.
@Suite struct StoreCallerTests {
  private static let writing = StoreScript<ReserveVerdict>(
    script: Script(name: "write", source: "return 1", writes: true), kind: .adds)
  private static let reading = StoreScript<ReadStockVerdict>(
    script: Script(name: "read", source: "return 2", writes: false), kind: .reads)

  /// A caller on a scripted link, and the results it has reported.
  private final class Bench {
    static func signed(_ line: String) -> String { "\(line) (script write)" }

    let link: ScriptedLink
    let caller: StoreCaller
    var told: [Result<StoreReply<ReserveVerdict>, StoreFailure>] = []
    private let alarms = Alarms()
    var sighted: [StoreDamage] { alarms.sighted }
    var forbidden: Int { alarms.forbidden }

    private final class Alarms {
      var sighted: [StoreDamage] = []
      var forbidden = 0
    }

    init(knowsClock: Bool = true) {
      link = ScriptedLink(knowsClock: knowsClock)
      caller = StoreCaller(
        link: link,
        alarm: StoreAlarm(
          damaged: { [alarms] in alarms.sighted += $0 }, forbidden: { [alarms] in alarms.forbidden += 1 }))
    }

    func run() {
      let end = link.loop.now + .seconds(1)
      caller.run(
        StoreCall(script: writing, arguments: RedisArguments("a"), effectBefore: end, deadline: end)
      ) { self.told.append($0) }
    }

    var failures: [StoreFailure] {
      told.compactMap { if case .failure(let failure) = $0 { failure } else { nil } }
    }
  }

  @Test func `an answer is its verdict, its time and the rest`() throws {
    let bench = Bench()
    bench.run()
    bench.link[0].line("SHORT 1763800800123 A 1 2 -")
    let reply = try #require(bench.told.first).get()
    #expect(reply.verdict == .short && reply.time == 1_763_800_800_123)
    #expect(String(decoding: reply.rest.remainder, as: UTF8.self) == "A 1 2 -")
    let read = StoreReply<ReserveVerdict>(prior: Array("1record answer".utf8), time: 7)
    #expect(read.verdict == .prior && Array(read.rest.remainder) == Array("1record answer".utf8))
  }

  @Test func `Redis's clock is taken from answers that are understood`() {
    let bench = Bench(knowsClock: false)
    bench.run()
    bench.link[0].line("HELD 1763800800123 1")
    #expect(bench.link.clock.time(at: bench.link.loop.now) == nil)
    bench.run()
    bench.link[1].line("SHORT 1763800800123 A 1 2 -")
    #expect(bench.link.clock.time(at: bench.link.loop.now) == 1_763_800_800_122)
  }

  /// Verdicts of no script, in another spelling, or of another script.
  @Test(arguments: ["NO 5", "ok 5", "GONE 5 1", "HELD 5"])
  func `a verdict that is none of the script's is a defect`(line: String) {
    let bench = Bench()
    bench.run()
    bench.link[0].line(line)
    let words = Bench.signed("a reply that can't be read: \(line.prefix { $0 != " " })")
    // The effect is unknown.
    #expect(bench.failures == [.redis(.unknown(.scriptFailed(words)))])

    var told: Result<StoreReply<ReadStockVerdict>, StoreFailure>?
    bench.caller.read(Self.reading, RedisArguments("a"), deadline: bench.link.loop.now + .seconds(1)) { told = $0 }
    bench.link[1].line(line.replacing("GONE", with: "INUSE"))
    guard case .failure(.redis(.rejected(.other))) = told else {
      Issue.record("\(String(describing: told))")
      return
    }
  }

  @Test(arguments: [
    ("DAMAGED 5 moka holds:moka", StoreFailure.damaged(StoreDamage(sku: SKU("moka"), key: "holds:moka"))),
    ("DAMAGED 5 - events WRONGTYPE no stream", .damaged(StoreDamage(key: "events"))),
    ("DAMAGED 5 - events NOPERM not for you", .redis(.rejected(.other(Bench.signed("NOPERM not for you"))))),
    ("DAMAGED 5", .damaged(StoreDamage(key: "?"))),
  ])
  func `damage is told by its key, and a refusal of a key by Redis's words`(line: String, failure: StoreFailure) {
    let bench = Bench()
    bench.run()
    bench.link[0].line(line)
    #expect(bench.failures == [failure])
    guard case .damaged(let damage) = failure else { return #expect(bench.sighted.isEmpty) }
    #expect(bench.sighted == [damage])
    #expect(bench.failures.first?.cause == "damaged: \(damage) (script write)", "the log names the script")
  }

  @Test(arguments: [
    ("NOPERM this user has no permissions to run the 'evalsha' command", true),
    (
      "ERR The user executing the script can't run this command or subcommand script: \(writing.script.sha), on line 3",
      true
    ),
    ("OOM command not allowed", false),
  ])
  func `a lack of rights is told`(line: String, isForbidden: Bool) {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(.error(line)))
    bench.run()
    bench.link[1].line("DAMAGED 5 - events \(line)")
    #expect(bench.forbidden == (isForbidden ? 2 : 0) && bench.failures.count == 2)
  }

  @Test func `what is stored and can't be read is told as damage met by the script`() {
    let bench = Bench()
    bench.run()
    bench.link[0].line("OK 5")
    let damage = StoreDamage(key: "reservation:x")
    let result: Result<Int, StoreFailure>? = bench.told.first.map {
      bench.caller.decoded($0, from: Self.writing) { _ throws(StoreDamage) in throw damage }
    }
    #expect(result == .failure(.damaged(damage)) && bench.sighted == [damage])
    #expect(bench.sighted.first?.script == "write")
  }

  @Test func `a read is asked again once when its link is lost`() throws {
    let bench = Bench()
    var told: [Result<StoreReply<ReadStockVerdict>, StoreFailure>] = []
    let deadline = bench.link.loop.now + .seconds(1)
    bench.caller.read(Self.reading, RedisArguments("a"), deadline: deadline) { told.append($0) }
    bench.link[0].answer(.failure(.unknown(.linkLost)))
    #expect(bench.link.sent.count == 2 && told.isEmpty)
    bench.link[1].line("GONE 5")
    #expect(try told.map { try $0.get().verdict } == [.gone])
  }
}
