import TestSupport
import Testing

@testable import Store

/// A batch answers what its members would be answered one by one, and leaves the same behind.
@Suite(.serialized) struct BatchScriptTests {
  private static let seeds: [UInt64] = Array(1...25) + (0..<10).map { _ in .random(in: 1_000...999_999_999) }
  private static let verdicts = Set(
    ["OK", "PRIOR", "UNKNOWN", "DUE", "SHORT", "DAMAGED", "LATE"].map { "reserve \($0)" }
      + ["OK", "PRIOR", "GONE", "EXPIRED", "DAMAGED", "LATE"].map { "confirm \($0)" })

  private func difference(
    _ scripts: ScriptLibrary, seeds: [UInt64], seen: inout [String: Int]
  ) async throws -> BatchRun.Difference? {
    let (one, other) = (try await PrivateRedis(), try await PrivateRedis())
    let (together, alone) = (try await LinkHandle(one.url), try await LinkHandle(other.url))
    for link in [together, alone] { try await link.whenUp() }
    for seed in seeds {
      let run = BatchRun(seed: seed, scripts: scripts, together: together, alone: alone)
      if let difference = try await run.firstDifference(seen: &seen) { return difference }
    }
    return nil
  }

  @Test func `calls that share one are answered as if each had come alone`() async throws {
    var seen: [String: Int] = [:]
    let found = try await difference(TestClock.scripts(), seeds: Self.seeds, seen: &seen)
    #expect(found == nil, "\(found?.description ?? "")")
    #expect(Self.verdicts.subtracting(seen.keys) == [], "what never comes up is not compared")
  }

  @Test func `each of many mistakes put into the batch on purpose is noticed`() async throws {
    for mutant in ScriptMutant.ofBatches {
      var seen: [String: Int] = [:]
      let scripts = try mutant.applied(to: TestClock.scripts())
      #expect(try await difference(scripts, seeds: Array(1...12), seen: &seen) != nil, "nobody noticed: \(mutant)")
    }
  }

  @Test(arguments: [(2, 2), (3, 1), (64, 1), (200, 3)])
  func `reserves that come in one turn of the event loop share calls`(count: Int, calls: Int) async throws {
    let redis = try await PrivateRedis()
    let engine = try await Engine(redis.url)
    _ = await engine.ask(Call(wish: .set("A", total: count - 1)))
    try await engine.link.reply("CONFIG", "RESETSTAT")
    let answers = await engine.ask((0..<count).map { _ in .reserve("A") }, age: Engine.patience)
    #expect(
      answers.count { $0.status == 201 } == count - 1 && answers.last?.body.hasPrefix("insufficient-stock") == true)
    let statistics = try await engine.link.reply("INFO", "commandstats").text ?? ""
    #expect(statistics.contains("cmdstat_evalsha:calls=\(calls),"), "\(statistics)")
  }

  /// Redis finds no fault with what it is given, so a fault is put into the script.
  @Test(arguments: [
    ("redis.call('MSET', unpack(records))", ["FAILED", "FAILED", "SHORT", "PRIOR"]),
    ("redis.call('DECRBY', 'inventory:' .. sku, stock.moved)", ["FAILED", "FAILED", "SHORT", "PRIOR"]),
    ("redis.call('SET', key, answer, 'EX', '86400')", ["FAILED", "FAILED", "SHORT", "PRIOR"]),
    ("local refusal = judge(ARGV, 7)", ["FAILED", "FAILED", "FAILED", "FAILED"]),
  ])
  func `what fails on the way is not known, and nothing else`(step: String, verdicts: [String]) async throws {
    let redis = try await PrivateRedis()
    let link = try await LinkHandle(redis.url)
    try await link.whenUp()
    let scripts = TestClock.scripts()
    let batch = try #require(scripts.reserve.batch).source
    try #require(batch.contains(step))
    let broken = batch.replacing(step, with: step + " redis.call('SET', KEYS[1], 'no such key is declared')")
    for command in [
      TestClock.setting(TestClock.start), ["MSET", "inventory:A", "3", "total:A", "3", "sold:A", "0"],
      ["SET", "idem:old", "1f old 1 2"],
    ] { _ = try await link.send(command).get() }
    func member(_ id: String, _ quantity: Int, key: String) -> [String] {
      ["8", "9999999999999", id, "60", ",\"items\":{\"A\":\(quantity)}}", key, "1f \(id) ", "A", "\(quantity)"]
    }
    let members =
      member("a", 1, key: "idem:a") + member("b", 1, key: "idem:a") + member("c", 3, key: "idem:c")
      + member("d", 1, key: "idem:old")
    let reply = try await link.send(["EVAL", broken, "0", "9999999999999"] + members).get()
    #expect(reply.elements.map { String($0.text?.prefix { $0 != " " } ?? "") } == verdicts, "\(reply)")
  }
}
