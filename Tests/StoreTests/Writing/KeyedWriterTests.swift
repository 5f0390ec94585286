import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// Instants are in milliseconds since the request came.
@Suite struct KeyedWriterTests {
  private static let reserve = StoreScript<AnyVerdict>(
    script: Script(name: "reserve", source: "return 1", writes: true), kind: .adds)
  private static let confirm = StoreScript<AnyVerdict>(
    script: Script(name: "confirm", source: "return 2", writes: true), kind: .finishes)
  private static let effect = 1400
  private static let settled = 1405
  private static let full = "OOM command not allowed when used memory > 'maxmemory'."
  private static let record = ScriptedLink.Answer.success(.bytes(Array("1record answer".utf8)))

  private let notKnown = StoreFailure.redis(.unknown(.deadlinePassed))

  /// A writer on a scripted link, and what its callers were told and when.
  private final class Bench {
    let link = ScriptedLink()
    let writer: KeyedWriter
    var told: [(at: Int, result: Result<StoreReply<AnyVerdict>, StoreFailure>)] = []

    init() { writer = KeyedWriter(caller: StoreCaller(link: link)) }

    var now: Int { Int(link.loop.now.uptimeNanoseconds / 1_000_000) }
    var toldAt: [Int] { told.map(\.at) }
    var verdicts: [AnyVerdict?] { told.map { try? $0.result.get().verdict } }
    var failures: [StoreFailure?] {
      told.map { if case .failure(let failure) = $0.result { failure } else { nil } }
    }

    func run(_ script: StoreScript<AnyVerdict> = reserve, record: String? = "idem:a") {
      writer.run(script, RedisArguments("x"), record: record, arrival: link.loop.now) {
        self.told.append((self.now, $0))
      }
    }

    /// The data of the last answer after its verdict.
    var rest: String? {
      (try? told.last?.result.get().rest.remainder).map { String(decoding: $0, as: UTF8.self) }
    }

    func say(_ verdict: String, to index: Int) { link[index].line("\(verdict) \(link.redisNow)") }
    func refuseAsFull(_ index: Int) { link[index].answer(.success(.error(KeyedWriterTests.full))) }
    func lose(_ index: Int) { link[index].answer(.failure(.unknown(.linkLost))) }
    func pass(to instant: Int) { link.pass(Int64(instant - now)) }
  }

  @Test(arguments: ["OK", "PRIOR", "DUE", "SHORT", "UNKNOWN", "GONE", "INUSE"], ["idem:a", nil])
  func `an answer is told as it is`(verdict: String, record: String?) {
    let bench = Bench()
    bench.run(record: record)
    bench.pass(to: 20)
    bench.say(verdict, to: 0)
    #expect(bench.link.sent.count == 1 && bench.toldAt == [20] && bench.verdicts == [.init(rawValue: verdict)])
  }

  @Test(arguments: [RedisFailure.unknown(.linkLost), .unknown(.deadlinePassed), .notSent(.offline)])
  func `a write without a key is never repeated`(failure: RedisFailure) {
    let bench = Bench()
    bench.run(record: nil)
    bench.link[0].answer(.failure(failure))
    bench.pass(to: 5000)
    #expect(bench.link.sent.count == 1 && bench.failures == [.redis(failure)])
  }

  private static func lacking(_ verdict: String) -> RedisFailure {
    .unknown(.notReplicated(.bytes(Array("\(verdict) 1795337100000".utf8))))
  }

  @Test(arguments: ["OK", "PRIOR"], ["idem:a", nil])
  func `what replicas lack is not told as done, and not done again`(verdict: String, record: String?) {
    let bench = Bench()
    bench.run(record: record)
    #expect(bench.link[0].awaitsReplicas)
    bench.link[0].answer(.failure(Self.lacking(verdict)))
    bench.pass(to: 5000)
    #expect(bench.link.sent.count == 1 && bench.failures == [.redis(Self.lacking(verdict))])
  }

  @Test(arguments: ["DUE", "SHORT", "UNKNOWN", "GONE", "INUSE"], ["idem:a", nil])
  func `what has changed nothing is told, whatever replicas lack`(verdict: String, record: String?) {
    let bench = Bench()
    bench.run(record: record)
    bench.link[0].answer(.failure(Self.lacking(verdict)))
    #expect(bench.link.sent.count == 1 && bench.verdicts == [.init(rawValue: verdict)])
  }

  @Test func `a script that ran late is called again, whatever replicas lack`() {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.failure(Self.lacking("LATE")))
    #expect(bench.link.sent.count == 2 && bench.link[1].awaitsReplicas)
  }

  @Test func `a recorded answer that replicas lack is not repeated`() {
    let bench = Bench()
    bench.writer.fullness.isNearlyFull = true
    bench.run()
    #expect(bench.link[0].arguments == ["GET", "idem:a"] && bench.link[0].awaitsReplicas)
    let lacking = RedisFailure.unknown(.notReplicated(.bytes(Array("1record answer".utf8))))
    bench.link[0].answer(.failure(lacking))
    #expect(bench.failures == [.redis(lacking)])
  }

  @Test func `an attempt lost with its link is sent once more in the same bytes`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    #expect(bench.link.sent.count == 2 && bench.link[1].bytes == bench.link[0].bytes)
    bench.say("PRIOR", to: 1)
    #expect(bench.verdicts == [.prior] && bench.link.sent.count == 2)
  }

  @Test func `an attempt that had no answer in time is told as unknown, and not sent again`() {
    let bench = Bench()
    bench.run()
    bench.pass(to: 1500)
    bench.link[0].answer(.failure(.unknown(.deadlinePassed)))
    bench.pass(to: 5000)
    #expect(bench.link.sent.count == 1 && bench.toldAt == [1500] && bench.failures == [notKnown])
  }

  @Test(arguments: ["SHORT", "UNKNOWN", "GONE", "EXPIRED", "LIMIT"])
  func `a refusal in doubt is kept back until the doubt is over, and asked for again`(verdict: String) {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.say(verdict, to: 1)
    bench.pass(to: Self.effect)
    #expect(bench.told.isEmpty && bench.link.sent.count == 2)
    bench.pass(to: Self.settled)
    #expect(bench.link.sent.count == 3 && bench.told.isEmpty)
    #expect(bench.link[2].arguments[4...] == bench.link[0].arguments[4...])
    bench.say(verdict, to: 2)
    #expect(bench.toldAt == [Self.settled] && bench.verdicts == [.init(rawValue: verdict)])
  }

  @Test func `the first attempt's late success is told instead of the refusal behind it`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.say("SHORT", to: 1)
    bench.pass(to: Self.settled)
    bench.say("PRIOR", to: 2)
    #expect(bench.verdicts == [.prior])
  }

  @Test func `another request with the key is not refused either`() {
    let bench = Bench()
    bench.run()
    bench.pass(to: 100)
    bench.lose(0)
    bench.lose(1)
    bench.pass(to: 300)
    bench.run()
    bench.say("SHORT", to: 2)
    bench.pass(to: Self.effect)
    #expect(bench.told.isEmpty)
    bench.pass(to: Self.settled)
    #expect(bench.link.sent.count == 5)
    bench.say("SHORT", to: 3)
    bench.say("SHORT", to: 4)
    #expect(bench.verdicts == [.short, .short])
  }

  @Test func `a refusal that was asked for in doubt, and came after it, is asked for again`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.lose(1)
    bench.pass(to: Self.settled - 10)
    bench.run()
    bench.pass(to: Self.settled + 50)
    bench.say("SHORT", to: 2)
    #expect(bench.told.isEmpty && bench.link.sent.count >= 4)
  }

  @Test func `a success is told at once, in doubt too`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.pass(to: 50)
    bench.say("OK", to: 1)
    #expect(bench.toldAt == [50] && bench.verdicts == [.ok])
  }

  @Test func `once the doubt is over, a refusal is told at once`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.lose(1)
    bench.pass(to: 2000)
    bench.run()
    bench.say("SHORT", to: bench.link.sent.count - 1)
    #expect(bench.toldAt.last == 2000 && bench.verdicts.last == .short)
  }

  @Test func `another key is not in doubt`() {
    let bench = Bench()
    bench.run(record: "idem:a")
    bench.lose(0)
    bench.run(record: "idem:b")
    bench.say("SHORT", to: 2)
    #expect(bench.toldAt == [0] && bench.verdicts == [.short])
  }

  @Test func `'unknown' is told only when nothing can take effect any more`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.lose(1)
    bench.pass(to: Self.settled)
    #expect(bench.told.isEmpty && bench.link.sent.count == 3)
    // The last try has its own not-after instant.
    #expect(bench.link[2].notAfter > bench.link[0].notAfter)
    bench.pass(to: 1450)
    bench.lose(2)
    bench.pass(to: 1754)
    #expect(bench.told.isEmpty)
    bench.pass(to: 1760)
    #expect(bench.toldAt == [1755] && bench.failures == [notKnown] && bench.link.sent.count == 3)
  }

  @Test func `after the last try the key is in doubt as long as that try may take effect`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.lose(1)
    bench.pass(to: Self.settled)
    bench.lose(2)
    bench.run()
    bench.say("SHORT", to: 3)
    bench.pass(to: 1754)
    #expect(bench.told.isEmpty)
    bench.pass(to: 1755)
    #expect(bench.link.sent.count == 5)
  }

  @Test(arguments: [RedisFailure.notSent(.offline), .rejected(.other("ERR")), .notSent(.late)])
  func `in doubt, no failure says that nothing was done`(failure: RedisFailure) {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.link[1].answer(.failure(failure))
    bench.pass(to: Self.settled)
    #expect(bench.told.isEmpty)
    bench.link[2].answer(.failure(failure))
    #expect(bench.failures == [notKnown])
  }

  @Test func `what never reached Redis leaves no doubt`() {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.failure(.notSent(.offline)))
    bench.run()
    bench.say("SHORT", to: 1)
    #expect(bench.toldAt == [0, 0] && bench.failures == [.redis(.notSent(.offline)), nil])
  }

  @Test func `a doubt of another request that outlasts this one ends it as unknown in time`() {
    let bench = Bench()
    bench.run()
    bench.pass(to: 1000)
    bench.run()
    bench.lose(1)
    bench.lose(2)
    bench.say("SHORT", to: 0)
    bench.link.onSend = { $0.line("SHORT \(bench.link.redisNow)") }
    bench.pass(to: 5000)
    #expect(bench.toldAt == [1755, 2405] && bench.failures == [notKnown, nil])
  }

  @Test func `a nearly full store repeats what was answered, and takes nothing new`() {
    let bench = Bench()
    bench.writer.fullness.isNearlyFull = true
    let refusal = StoreFailure.nearlyFull
    bench.run(record: nil)
    #expect(bench.link.sent.isEmpty && bench.failures == [refusal])
    bench.run()
    #expect(bench.link.sent.map(\.arguments) == [["GET", "idem:a"]])
    bench.link[0].answer(Self.record)
    #expect(bench.verdicts.last == .prior && bench.rest == "1record answer")
    for answer: ScriptedLink.Answer in [.success(.null), .success(.error("ERR")), .failure(.unknown(.linkLost))] {
      bench.run()
      bench.link.last.answer(answer)
      #expect(bench.failures.last == refusal)
    }
  }

  /// Redis refuses the script before the script can look up its key.
  @Test(arguments: [reserve, confirm])
  func `what a full Redis refuses is repeated if it was answered before`(script: StoreScript<AnyVerdict>) {
    let bench = Bench()
    bench.run(script)
    bench.pass(to: 10)
    bench.refuseAsFull(0)
    #expect(bench.link[1].arguments == ["GET", "idem:a"] && bench.told.isEmpty)
    // The deadline stays the caller's.
    #expect(bench.link[1].deadline == bench.link[0].deadline)
    bench.link[1].answer(Self.record)
    #expect(bench.verdicts == [.prior] && bench.rest == "1record answer" && bench.link.sent.count == 2)
  }

  @Test(arguments: [ScriptedLink.Answer.success(.null), .success(.error("ERR")), .failure(.unknown(.linkLost))])
  func `what a full Redis refuses is refused if nothing is known of its key`(answer: ScriptedLink.Answer) {
    let bench = Bench()
    let refusal = StoreFailure.redis(.rejected(.unwritable("\(Self.full) (script reserve)")))
    bench.run()
    bench.refuseAsFull(0)
    bench.link[1].answer(answer)
    #expect(bench.failures == [refusal] && bench.link.sent.count == 2)
    bench.run(record: nil)
    bench.refuseAsFull(2)
    #expect(bench.failures == [refusal, refusal] && bench.link.sent.count == 3)
  }

  @Test func `in doubt, a full Redis is asked for the record, and its refusal does not count`() {
    let bench = Bench()
    for isKnownInTheEnd in [true, false] {
      let began = bench.now
      let first = bench.link.sent.count
      bench.run(record: "idem:\(isKnownInTheEnd)")
      bench.lose(first)
      bench.refuseAsFull(first + 1)
      bench.link[first + 2].answer(.success(.null))
      bench.pass(to: began + Self.effect)
      #expect(bench.link.sent.count == first + 3)
      bench.pass(to: began + Self.settled)
      bench.refuseAsFull(first + 3)
      bench.link[first + 4].answer(isKnownInTheEnd ? Self.record : .success(.null))
    }
    #expect(bench.verdicts == [.prior, nil] && bench.failures == [nil, notKnown])
  }

  @Test func `a nearly full store still finishes what is held`() {
    let bench = Bench()
    bench.writer.fullness.isNearlyFull = true
    bench.run(Self.confirm)
    #expect(bench.link[0].arguments[1] == Self.confirm.script.sha)
  }

  @Test func `what is in doubt is settled by its script, on a nearly full store too`() {
    let bench = Bench()
    bench.run()
    bench.lose(0)
    bench.lose(1)
    bench.writer.fullness.isNearlyFull = true
    bench.run()
    #expect(bench.link[2].arguments == bench.link[0].arguments)
  }
}
