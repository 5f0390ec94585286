import TestSupport
import Testing

@testable import Node
@testable import Store

/// A batch answers what its members would be answered one by one, and leaves the same behind.
@Suite(.serialized) struct BatchScriptTests {
  private static let seeds: [UInt64] = Array(1...25) + (0..<10).map { _ in .random(in: 1_000...999_999_999) }
  private static let verdicts = Set(
    ["OK", "PRIOR", "UNKNOWN", "DUE", "SHORT", "DAMAGED", "LATE"].map { "reserve \($0)" }
      + ["OK", "PRIOR", "GONE", "EXPIRED", "CANCELLED", "DAMAGED", "LATE"].map { "confirm \($0)" })

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

  @Test(arguments: [1, 2]) func `calls that share one are answered as if each had come alone`(shards: Int) async throws
  {
    var seen: [String: Int] = [:]
    let scripts = TestClock.scripts(shards: ShardMap(count: shards))
    let found = try await difference(scripts, seeds: Self.seeds, seen: &seen)
    #expect(found == nil, "\(found?.description ?? "")")
    let verdicts = Self.verdicts.union(shards == 1 ? [] : ["reserve CLAIMED", "reserve NOCLAIM"])
    #expect(verdicts.subtracting(seen.keys) == [], "what never comes up is not compared")
  }

  @Test func `each of many mistakes put into the batch on purpose is noticed`() async throws {
    for mutant in ScriptMutant.ofBatches {
      var seen: [String: Int] = [:]
      let scripts = try mutant.applied(to: TestClock.scripts())
      #expect(try await difference(scripts, seeds: Array(1...12), seen: &seen) != nil, "nobody noticed: \(mutant)")
    }
  }

  @Test(arguments: [(2, 2), (3, 1), (64, 1), (200, 4)])
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

  @Test func `a batch that has done enough leaves the rest for calls of their own`() async throws {
    let redis = try await PrivateRedis()
    let engine = try await Engine(redis.url)
    let skus = (1...20).map { "S\($0)" }
    for sku in skus { _ = await engine.ask(Call(wish: .set(sku, total: 1000))) }
    let lines = skus.map { Call.Line(sku: $0, quantity: 1) }
    var ids: [String] = []
    for _ in 1...30 { ids.append(await engine.ask(.reserve(lines), age: Engine.patience).reservationID) }
    try await engine.link.reply("CONFIG", "RESETSTAT")
    let answers = await engine.ask(ids.map { Call(wish: .confirm($0)) }, age: Engine.patience)
    #expect(answers.allSatisfy { $0.status == 200 }, "\(answers.first { $0.status != 200 }?.description ?? "")")
    // Thirteen have 260 lines.
    let statistics = try await engine.link.reply("INFO", "commandstats").text ?? ""
    #expect(statistics.contains("cmdstat_evalsha:calls=\(1 + 30 - 13),"), "\(statistics)")
    #expect(try await engine.wholeAudit().violations == [])
  }

  // MARK: - Failures

  /// Four reserves of A in one call of a changed script: two with one key, one that is short, one that was answered before.
  private func verdicts(of change: (String) -> String) async throws -> (verdicts: [String], contents: [String]) {
    let redis = try await PrivateRedis()
    let link = try await LinkHandle(redis.url)
    try await link.whenUp()
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
    let batch = try #require(TestClock.scripts().reserve.batch).source
    let changed = change(batch)
    try #require(changed != batch)
    let reply = try await link.send(["EVAL", changed, "0", "9999999999999"] + members).get()
    return (
      reply.elements.map { String($0.text?.prefix { $0 != " " } ?? "\($0)") }, try await BatchRun.contents(link)
    )
  }

  /// Each command is refused for its key's type, as Redis would refuse it.
  @Test(arguments: [
    "'DECRBY', 'inventory:' .. sku", "'ZADD', 'holds:' .. sku", "'ZADD', 'due'", "'SET', key",
  ])
  func `what Redis refuses at the end is not known of those who rely on it, and of nobody else`(
    command: String
  ) async throws {
    let (verdicts, contents) = try await verdicts {
      $0.replacing("redis.pcall(" + command, with: "redis.pcall('LPUSH', 'inventory:A'")
    }
    #expect(verdicts == ["FAILED", "FAILED", "SHORT", "PRIOR"])
    #expect(!contents.contains { $0.hasPrefix("idem:a") }, "a repetition must not be told that it was done")
  }

  @Test func `a member that fails spoils no other`() async throws {
    let failing = try await verdicts {
      $0.replacing(
        "local refusal = judge(ARGV, 7)", with: "local refusal = judge(ARGV, 7) if id == 'a' then error('x') end")
    }
    #expect(failing.verdicts == ["FAILED", "OK", "SHORT", "PRIOR"])
    #expect(failing.contents.contains { $0.hasPrefix("reservation:b (string)") })
    #expect(
      failing.contents.contains("inventory:A (string) 2") && !failing.contents.contains { $0.contains("reservation:a") }
    )
  }
}
