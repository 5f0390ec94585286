import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite struct ScriptBatcherTests {
  private static let single = Script(name: "one", source: "return 1", writes: true)
  private static let batch = Script(name: "many", source: "return 2", writes: true)

  /// Calls of one script on a scripted link, and the results in their order.
  private final class Bench {
    let link: ScriptedLink
    let batcher: ScriptBatcher
    var told: [Int: Result<ScriptReply, RedisFailure>] = [:]

    init(keys: [String] = []) {
      link = ScriptedLink()
      batcher = ScriptBatcher(ScriptRunner(link: link, keys: keys))
    }

    func run(
      _ number: Int, _ arguments: [String] = ["x"], late milliseconds: Int64 = 0, awaitsReplicas: Bool = false
    ) {
      let now = link.loop.now + .milliseconds(milliseconds)
      var bytes = RedisArguments()
      for argument in arguments { bytes.append(argument) }
      let call = ScriptRunner.Call(
        script: single, arguments: bytes, effectBefore: now + .milliseconds(1400),
        deadline: now + .milliseconds(1500), awaitsReplicas: awaitsReplicas)
      batcher.run(call, in: batch) { self.told[number] = $0 }
    }

    func runThree() {
      for number in 1...3 { run(number) }
      link.loop.run()
    }

    func lines(_ texts: String...) -> RedisReply { .array(texts.map { .bytes(Array($0.utf8)) }) }

    func verdict(_ number: Int) -> String? { try? told[number]?.get().verdict }

    func failure(_ number: Int) -> RedisFailure? {
      if case .failure(let failure) = told[number] { failure } else { nil }
    }
  }

  @Test func `what comes in one turn goes as one call, each with its own bound`() throws {
    let bench = Bench(keys: ["{k}"])
    bench.run(1, ["a", "b"])
    bench.run(2, ["c"], late: 5)
    #expect(bench.link.sent.isEmpty, "the turn has not ended")
    bench.run(3, ["d"])
    bench.link.loop.run()
    let words = try #require(bench.link.sent.first).arguments
    #expect(bench.link.sent.count == 1 && words.prefix(4) == ["EVALSHA", Self.batch.sha, "1", "{k}"])
    let bounds = [4, 6, 10, 13].compactMap { Int64(words[$0]) }
    #expect(bounds.count == 4 && bounds[0] == bounds[2] && bounds[1] == bounds[3] && bounds[2] - bounds[1] == 5)
    #expect([5, 9, 12].map { words[$0] } == ["3", "2", "2"])
    #expect([words[7], words[8], words[11], words[14]] == ["a", "b", "c", "d"] && words.count == 15)
    #expect(bench.link.last.deadline == bench.link.loop.now + .milliseconds(1505), "the last one's")
    bench.link.last.answer(.success(bench.lines("OK 1 x", "SHORT 1 y", "OK 1 z")))
    #expect((1...3).map { bench.verdict($0) } == ["OK", "SHORT", "OK"])
    #expect((1...3).map { try? bench.told[$0]?.get().rest.remainder.first } == [120, 121, 122])
  }

  @Test func `few go alone, and so does what differs`() {
    let bench = Bench()
    bench.run(1)
    bench.run(2)
    bench.link.loop.run()
    #expect(bench.link.sent.map { $0.arguments[1] } == [Self.single.sha, Self.single.sha])
    bench.link.pass(1000)
    // One that has little time left must not wait for others, and others not be told too early.
    for number in 3...5 { bench.run(number) }
    bench.run(6, late: 21)
    bench.run(7, late: -21)
    bench.run(8, awaitsReplicas: true)
    bench.link.loop.run()
    let (one, many) = (Self.single.sha, Self.batch.sha)
    #expect(bench.link.sent.dropFirst(2).map { $0.arguments[1] } == [many, one, one, one])
    bench.link[2].answer(.failure(.notSent(.offline)))
    // Each of these is near the first one, but not near the other.
    bench.run(9)
    for number in 10...11 { bench.run(number, late: 20) }
    for number in 12...13 { bench.run(number, late: -20) }
    bench.link.loop.run()
    #expect(bench.link.sent.dropFirst(6).map { $0.arguments[1] } == [many, one, one])
  }

  @Test func `what comes while a batch is under way makes up the next one, but waits no longer than for a moment`() {
    let bench = Bench()
    bench.runThree()
    for number in 4...6 { bench.run(number) }
    bench.link.loop.run()
    #expect(bench.link.sent.count == 1)
    bench.run(7)
    bench.link.last.answer(.success(bench.lines("OK 1", "OK 1", "OK 1")))
    #expect(bench.link.sent.count == 2 && bench.link.last.arguments.count == 4 + 4 * 3, "four share one")
    bench.run(8)
    bench.link.loop.run()
    #expect(bench.link.sent.count == 2)
    bench.link.pass(2)
    bench.run(9)
    bench.link.loop.run()
    #expect(bench.link.sent.count == 4, "Redis is busy or gone: nobody waits for it here")
    bench.link[1].answer(.failure(.unknown(.linkLost)))
    #expect((4...7).allSatisfy { bench.failure($0) == .unknown(.linkLost) } && bench.told.count == 7)
  }

  @Test func `one that goes alone is waited for by nobody`() {
    let bench = Bench()
    for number in 1...3 {
      bench.run(number)
      bench.link.loop.run()
    }
    #expect(bench.link.sent.count == 3)
  }

  @Test func `what did not run in a batch asks again alone`() {
    let bench = Bench()
    bench.runThree()
    bench.link.last.answer(.success(bench.lines("OK 1", "AGAIN 1", "OK 1")))
    #expect(bench.link.sent.count == 2 && bench.link.last.arguments[1] == Self.single.sha)
    // It still has the one repetition that a late call has.
    bench.link.last.line("LATE \(bench.link.redisNow)")
    bench.link.last.line("OK 1")
    #expect(bench.verdict(2) == "OK" && bench.link.sent.count == 3)
  }

  @Test(arguments: [false, true]) func `a batch that is late asks again, each alone`(lacksReplicas: Bool) {
    let bench = Bench()
    bench.runThree()
    let late = RedisReply.bytes(Array("LATE \(bench.link.redisNow)".utf8))
    bench.link.last.answer(lacksReplicas ? .failure(.unknown(.notReplicated(late))) : .success(late))
    #expect(bench.told.isEmpty && bench.link.sent.count == 4)
  }

  @Test func `a call of many is bounded`() {
    let bench = Bench()
    let long = Array(repeating: "y", count: 200)
    for number in 1...7 { bench.run(number, number == 7 ? ["x"] : long) }
    bench.link.loop.run()
    // Two and two, which are few, and two with a short one.
    #expect(bench.link.sent.map { $0.arguments[1] == Self.batch.sha } == [false, false, false, false, true])
    #expect(bench.link.last.arguments.count == 3 + 1 + 3 * 2 + 401)
  }

  @Test func `each is judged by its own answer`() {
    let bench = Bench()
    bench.runThree()
    bench.link.last.answer(
      .success(bench.lines("LATE \(bench.link.redisNow + 50)", "FAILED 1 WRONGTYPE in some words", "?")))
    #expect(bench.link.sent.count == 2 && bench.link.last.arguments[1] == Self.single.sha, "the late one asks again")
    bench.link.last.line("OK 1")
    #expect(bench.verdict(1) == "OK")
    #expect(bench.failure(2) == .unknown(.scriptFailed("WRONGTYPE in some words (script one)")))
    guard case .unknown(.scriptFailed) = bench.failure(3) else {
      Issue.record("\(String(describing: bench.told[3]))")
      return
    }
  }

  @Test func `replicas that lack the writes make doubtful what was done, and only that`() {
    let bench = Bench()
    for number in 1...3 { bench.run(number, awaitsReplicas: true) }
    bench.link.loop.run()
    #expect(bench.link.last.awaitsReplicas)
    let replies = bench.lines("OK 1 x", "FAILED 1 words", "SHORT 1")
    bench.link.last.answer(.failure(.unknown(.notReplicated(replies, because: "why"))))
    #expect(bench.failure(1) == .unknown(.notReplicated(.bytes(Array("OK 1 x".utf8)), because: "why")))
    #expect(bench.failure(2) == .unknown(.scriptFailed("words (script one)")))
    #expect(bench.failure(3) == .unknown(.notReplicated(.bytes(Array("SHORT 1".utf8)), because: "why")))
  }

  @Test func `what befalls the whole call befalls each`() {
    for (answer, failure) in [
      (.failure(.unknown(.linkLost)), .unknown(.linkLost)),
      (.failure(.notSent(.offline)), .notSent(.offline)),
      (.success(.error("OOM no")), .rejected(.unwritable("OOM no (script one)"))),
      (.success(.error("READONLY no")), .rejected(.readOnly("READONLY no (script one)"))),
      (
        .success(.error("ERR \(Self.batch.sha) failed")),
        .unknown(.scriptFailed("ERR \(Self.batch.sha) failed (script many)"))
      ),
    ] as [(ScriptedLink.Answer, RedisFailure)] {
      let bench = Bench()
      bench.runThree()
      bench.link.last.answer(answer)
      #expect((1...3).allSatisfy { bench.failure($0) == failure }, "\(answer): \(bench.told)")
    }
  }

  @Test func `a list of another length answers nobody`() {
    let bench = Bench()
    bench.runThree()
    bench.link.last.answer(.success(bench.lines("OK 1", "OK 1")))
    #expect(
      (1...3).allSatisfy { if case .unknown(.scriptFailed) = bench.failure($0) { true } else { false } },
      "\(bench.told)")
  }

  @Test func `where Redis has lost the script, it gets it again, and calls go alone this once`() {
    let bench = Bench()
    bench.runThree()
    bench.link.last.answer(.success(.error("NOSCRIPT No matching script")))
    #expect(bench.link.sent[1].arguments == ["SCRIPT", "LOAD", Self.batch.source])
    #expect(bench.link.sent.dropFirst(2).map { $0.arguments[1] } == Array(repeating: Self.single.sha, count: 3))
    for command in bench.link.sent.dropFirst(2) { command.line("OK 1") }
    #expect((1...3).allSatisfy { bench.verdict($0) == "OK" })
  }

  @Test func `what is not possible now is tried again, alone`() {
    let bench = Bench()
    bench.runThree()
    bench.link.last.answer(.success(.error("BUSY running a script")))
    #expect(bench.told.isEmpty && bench.link.sent.count == 1)
    bench.link.pass(25)
    #expect(bench.link.sent.dropFirst().map { $0.arguments[1] } == Array(repeating: Self.single.sha, count: 3))
  }
}
