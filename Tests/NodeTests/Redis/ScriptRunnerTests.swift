import NIOCore
import Testing

@testable import Node

@Suite struct ScriptRunnerTests {
  private static let writing = Script(name: "write", source: "return 1", kind: .adds)
  private static let reading = Script(name: "read", source: "return 2", kind: .reads)

  /// A runner on a scripted link, and everything it has told.
  private final class Bench {
    let link: ScriptedLink
    let runner: ScriptRunner
    var told: [Result<ScriptReply, RedisFailure>] = []

    init(knowsClock: Bool = true) {
      link = ScriptedLink(knowsClock: knowsClock)
      runner = ScriptRunner(link: link)
    }

    func run(_ script: Script = writing, effect: Int64 = 1400, reply: Int64 = 1500) {
      let now = link.loop.now
      let call = ScriptRunner.Call(
        script: script, arguments: RedisArguments("a", "b c"), effectBefore: now + .milliseconds(effect),
        deadline: now + .milliseconds(reply))
      runner.run(call) { self.told.append($0) }
    }

    var failures: [RedisFailure] {
      told.compactMap { if case .failure(let failure) = $0 { failure } else { nil } }
    }
    var verdicts: [ScriptReply.Verdict] { told.compactMap { try? $0.get().verdict } }
  }

  @Test func aScriptIsNamedByTheSHA1OfItsText() {
    #expect(Self.writing.sha == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    #expect(Self.writing.writes && !Self.reading.writes)
  }

  @Test func aCallBringsItsNotAfterInstantBeforeItsArguments() throws {
    let bench = Bench()
    bench.run()
    let command = try #require(bench.link.sent.first)
    #expect(command.arguments[..<3] == ["EVALSHA", Self.writing.sha, "0"] && command.arguments[4...] == ["a", "b c"])
    #expect(command.deadline == bench.link.loop.now + .milliseconds(1500))
    // Never later than meant on Redis's clock, and hardly earlier.
    let meant = bench.link.redisNow + 1400
    #expect((meant - 2...meant).contains(command.notAfter))
  }

  @Test func whatOnlyReadsMayRunAtAnyTime() {
    let bench = Bench()
    bench.run(Self.reading)
    #expect(bench.link.sent.first?.notAfter == 9_999_999_999_999)
  }

  @Test func withoutAClockAWriteDoesNothing() {
    let bench = Bench(knowsClock: false)
    bench.run()
    #expect(bench.link.sent.first?.notAfter == 0)
  }

  @Test func replyTimesAreTakenForRedissClock() {
    let bench = Bench(knowsClock: false)
    bench.run()
    bench.link[0].line("OK 1795337100123 x")
    #expect(bench.verdicts == [.ok])
    #expect(bench.link.clock.time(at: bench.link.loop.now) == 1_795_337_100_122)
  }

  @Test func aLostScriptIsLoadedAndCalledOnceMore() {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(.error("NOSCRIPT No matching script.")))
    #expect(bench.link.sent.count == 3 && bench.told.isEmpty)
    #expect(bench.link[1].arguments == ["SCRIPT", "LOAD", "return 1"])
    #expect(bench.link[2].bytes == bench.link[0].bytes)
    bench.link[2].answer(.success(.error("NOSCRIPT No matching script.")))
    #expect(bench.link.sent.count == 3 && bench.failures == [.rejected(.noScript)])
  }

  @Test func aCallThatRanTooLateByAClockTakenForTooEarlyIsRepeatedOnce() {
    let bench = Bench()
    bench.run()
    bench.link[0].line("LATE \(bench.link.redisNow + 60_000)")
    #expect(bench.link.sent.count == 2 && bench.told.isEmpty)
    #expect(bench.link[1].notAfter > bench.link[0].notAfter + 59_000)
    bench.link[1].line("LATE \(bench.link.redisNow + 200_000)")
    #expect(bench.link.sent.count == 2 && bench.failures == [.notSent(.late)])
  }

  @Test func aCallThatIsTooLateIsNotRepeated() {
    let bench = Bench()
    bench.run()
    bench.link.pass(1400)
    bench.link[0].line("LATE \(bench.link.redisNow)")
    #expect(bench.link.sent.count == 1 && bench.failures == [.notSent(.late)])
  }

  @Test(arguments: ["LOADING x", "BUSY x", "MASTERDOWN x", "TRYAGAIN x"])
  func notYetIsAskedAgainUntilTheDeadline(line: String) {
    let bench = Bench()
    bench.link.onSend = { $0.answer(.success(.error(line))) }
    bench.run(reply: 500)
    #expect(bench.told.isEmpty)
    bench.link.pass(2000)
    #expect((15...20).contains(bench.link.sent.count))
    #expect(bench.link.sent.allSatisfy { $0.sentAt < $0.deadline })
    #expect(bench.failures == [.rejected(.notYet(line))])
  }

  @Test func notYetMayComeToAnEnd() {
    let bench = Bench()
    bench.link.onSend = { command in
      if bench.link.sent.count < 5 { command.answer(.success(.error("BUSY x"))) } else { command.line("OK 5 done") }
    }
    bench.run()
    bench.link.pass(2000)
    #expect(bench.link.sent.count == 5 && bench.verdicts == [.ok])
  }

  @Test func aReplicaIsLeftForAnotherLink() {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(.error("READONLY x")))
    #expect(bench.link.reconnectReasons == ["READONLY x"] && bench.failures == [.rejected(.readOnly("READONLY x"))])
  }

  @Test(arguments: [
    RedisReply.error("OOM x"), .error("ERR x"), .bytes(Array("NO 5".utf8)), .null, .integer(1), .array([]),
  ])
  func refusalsAndNonsenseEndTheCallAsRejected(reply: RedisReply) {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(reply))
    #expect(bench.link.sent.count == 1 && bench.told.count == 1)
    guard case .rejected? = bench.failures.first else {
      Issue.record("\(bench.told)")
      return
    }
  }

  @Test(arguments: [
    RedisFailure.unknown(.linkLost), .unknown(.deadlinePassed), .notSent(.offline), .notSent(.overloaded),
  ])
  func aWriteThatCameToNothingIsNotSentAgain(failure: RedisFailure) {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.failure(failure))
    bench.link.pass(3000)
    #expect(bench.link.sent.count == 1 && bench.failures == [failure])
  }

  @Test func aReadIsAskedAgainOnceWhenItsLinkIsLost() {
    let bench = Bench()
    let deadline = bench.link.loop.now + .seconds(1)
    bench.runner.read(Self.reading, RedisArguments("a"), deadline: deadline) { bench.told.append($0) }
    bench.link[0].answer(.failure(.unknown(.linkLost)))
    #expect(bench.link.sent.count == 2 && bench.told.isEmpty)
    bench.link[1].answer(.failure(.unknown(.linkLost)))
    #expect(bench.link.sent.count == 2 && bench.failures == [.unknown(.linkLost)])
    bench.runner.read(Self.reading, RedisArguments("a"), deadline: deadline) { bench.told.append($0) }
    bench.link[2].answer(.failure(.unknown(.deadlinePassed)))
    #expect(bench.link.sent.count == 3 && bench.failures.count == 2)
  }
}
