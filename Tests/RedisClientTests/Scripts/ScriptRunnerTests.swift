import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite struct ScriptRunnerTests {
  private static let writing = Script(name: "write", source: "return 1", writes: true)
  private static let reading = Script(name: "read", source: "return 2", writes: false)

  /// A runner on a scripted link, and the results it has reported.
  private final class Bench {
    static let script = writing
    static func signed(_ line: String) -> String { "\(line) (script write)" }

    let link: ScriptedLink
    let runner: ScriptRunner
    var told: [Result<ScriptReply, RedisFailure>] = []

    init(knowsClock: Bool = true, keys: [String] = []) {
      link = ScriptedLink(knowsClock: knowsClock)
      runner = ScriptRunner(link: link, keys: keys)
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
    var verdicts: [String] { told.compactMap { try? $0.get().verdict } }
  }

  @Test func `a script is named by the SHA-1 of its text`() {
    #expect(Self.writing.sha == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    #expect(Self.writing.writes && !Self.reading.writes)
  }

  @Test func `a call brings its not-after instant before its arguments`() throws {
    let bench = Bench()
    bench.run()
    let command = try #require(bench.link.sent.first)
    #expect(command.arguments[..<3] == ["EVALSHA", Self.writing.sha, "0"] && command.arguments[4...] == ["a", "b c"])
    #expect(command.deadline == bench.link.loop.now + .milliseconds(1500))
    // On Redis's clock the bound is never too late, and only slightly too early.
    let meant = bench.link.redisNow + 1400
    #expect((meant - 2...meant).contains(command.notAfter))
  }

  @Test func `a call declares its keys before them`() {
    let bench = Bench(keys: ["{1}", "{1}x"])
    bench.run()
    #expect(bench.link.sent.first?.arguments.prefix(5) == ["EVALSHA", Self.writing.sha, "2", "{1}", "{1}x"])
    #expect(bench.link.sent.first?.arguments.suffix(2) == ["a", "b c"])
  }

  @Test func `what only reads may run at any time`() {
    let bench = Bench()
    bench.run(Self.reading)
    #expect(bench.link.sent.first?.notAfter == 9_999_999_999_999)
  }

  @Test func `without a clock a write does nothing`() {
    let bench = Bench(knowsClock: false)
    bench.run()
    #expect(bench.link.sent.first?.notAfter == 0)
  }

  @Test func `a reply tells Redis's clock once somebody understands it`() {
    let bench = Bench(knowsClock: false)
    bench.run()
    bench.link[0].line("OK 1795337100123 x")
    #expect(bench.verdicts == ["OK"] && bench.link.clock.time(at: bench.link.loop.now) == nil)
    bench.run()
    bench.link[1].line("LATE 1795337100123")
    #expect(bench.link.clock.time(at: bench.link.loop.now) == 1_795_337_100_122)
  }

  @Test func `a lost script is loaded, and called once more`() {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(.error("NOSCRIPT No matching script.")))
    #expect(bench.link.sent.count == 3 && bench.told.isEmpty)
    #expect(bench.link[1].arguments == ["SCRIPT", "LOAD", "return 1"])
    #expect(bench.link[2].bytes == bench.link[0].bytes)
    bench.link[2].answer(.success(.error("NOSCRIPT No matching script.")))
    #expect(bench.link.sent.count == 3 && bench.failures == [.rejected(.noScript)])
  }

  private static let noScript = ScriptedLink.Answer.success(.error("NOSCRIPT No matching script."))

  @Test(arguments: ["NOPERM no", "ERR Error compiling script", "OOM x"])
  func `a script that Redis will not load is told by its refusal`(line: String) {
    let bench = Bench()
    bench.run()
    for (index, answer) in [Self.noScript, .success(.error(line)), Self.noScript].enumerated() {
      bench.link[index].answer(answer)
    }
    #expect(bench.link.sent.map { $0.arguments[0] } == ["EVALSHA", "SCRIPT", "EVALSHA"])
    #expect(bench.failures == [.rejected(.init(line: Bench.signed(line)))])
  }

  @Test func `a script that Redis will not load yet is loaded again in a moment`() {
    let bench = Bench()
    bench.run()
    for (index, answer) in [Self.noScript, .success(.error("BUSY x")), Self.noScript].enumerated() {
      bench.link[index].answer(answer)
    }
    #expect(bench.link.sent.count == 3 && bench.told.isEmpty)
    bench.link.pass(25)
    bench.link[3].answer(Self.noScript)
    bench.link[4].answer(.success(.status("sha")))
    bench.link[5].line("OK 5 done")
    #expect(bench.link.sent.count == 6 && bench.verdicts == ["OK"])
  }

  @Test func `a call that ran too late by a clock taken for too early is repeated once`() {
    let bench = Bench()
    bench.run()
    bench.link[0].line("LATE \(bench.link.redisNow + 60_000)")
    #expect(bench.link.sent.count == 2 && bench.told.isEmpty)
    #expect(bench.link[1].notAfter > bench.link[0].notAfter + 59_000)
    bench.link[1].line("LATE \(bench.link.redisNow + 200_000)")
    #expect(bench.link.sent.count == 2 && bench.failures == [.notSent(.late)])
  }

  @Test func `a call that is too late is not repeated`() {
    let bench = Bench()
    bench.run()
    bench.link.pass(1400)
    bench.link[0].line("LATE \(bench.link.redisNow)")
    #expect(bench.link.sent.count == 1 && bench.failures == [.notSent(.late)])
  }

  @Test(arguments: ["LOADING x", "BUSY x", "MASTERDOWN x", "TRYAGAIN x"])
  func `'not yet' is asked again until the deadline`(line: String) {
    let bench = Bench()
    bench.link.onSend = { $0.answer(.success(.error(line))) }
    bench.run(reply: 500)
    #expect(bench.told.isEmpty)
    bench.link.pass(2000)
    #expect((15...20).contains(bench.link.sent.count))
    #expect(bench.link.sent.allSatisfy { $0.sentAt < $0.deadline })
    #expect(bench.failures == [.rejected(.notYet(Bench.signed(line)))])
  }

  @Test func `'not yet' may come to an end`() {
    let bench = Bench()
    bench.link.onSend = { command in
      if bench.link.sent.count < 5 { command.answer(.success(.error("BUSY x"))) } else { command.line("OK 5 done") }
    }
    bench.run()
    bench.link.pass(2000)
    #expect(bench.link.sent.count == 5 && bench.verdicts == ["OK"])
  }

  @Test func `a replica is left for another link`() {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(.error("READONLY x")))
    let line = Bench.signed("READONLY x")
    #expect(bench.link.reconnectReasons == [line] && bench.failures == [.rejected(.readOnly(line))])
  }

  @Test(arguments: ["OOM x", "ERR x", "NOPERM x"])
  func `a refusal before the script ran is a rejection`(line: String) {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(.error(line)))
    #expect(bench.link.sent.count == 1 && bench.failures == [.rejected(.init(line: Bench.signed(line)))])
  }

  /// Redis does not roll scripts back: writes made before the error stay.
  @Test(arguments: ["WRONGTYPE x", "OOM x", "READONLY x", "BUSY x"])
  func `an error within a writing script is never taken for nothing done`(words: String) {
    let bench = Bench()
    bench.run()
    let line = "\(words) script: \(Bench.script.sha), on @user_script:7."
    bench.link[0].answer(.success(.error(line)))
    bench.link.pass(3000)
    #expect(bench.link.sent.count == 1 && bench.failures == [.unknown(.scriptFailed(Bench.signed(line)))])
  }

  @Test(arguments: [RedisReply.bytes(Array("NO".utf8)), .null, .integer(1), .array([])])
  func `nonsense tells nothing of what was done`(reply: RedisReply) {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.success(reply))
    #expect(bench.link.sent.count == 1 && bench.told.count == 1)
    guard case .unknown(.scriptFailed)? = bench.failures.first else {
      Issue.record("\(bench.told)")
      return
    }
  }

  /// Only the callers of a script know what its verdicts mean.
  @Test(arguments: ["OK", "DAMAGED", "whatever", "late"])
  func `every verdict but 'too late' is handed on`(verdict: String) {
    let bench = Bench()
    bench.run()
    bench.link[0].line("\(verdict) 5 a b")
    #expect(bench.verdicts == [verdict] && bench.link.sent.count == 1)
  }

  @Test(arguments: [
    RedisFailure.unknown(.linkLost), .unknown(.deadlinePassed), .notSent(.offline), .notSent(.overloaded),
  ])
  func `a write that came to nothing is not sent again`(failure: RedisFailure) {
    let bench = Bench()
    bench.run()
    bench.link[0].answer(.failure(failure))
    bench.link.pass(3000)
    #expect(bench.link.sent.count == 1 && bench.failures == [failure])
  }

  @Test func `a read is asked again once when its link is lost`() {
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
