import RedisClient
import TestSupport

@testable import Store

/// One seeded run in which the same calls go to two stores: to one several at once, to the other one by one. Both must
/// answer the same, and hold the same afterwards.
struct BatchRun {
  let seed: UInt64
  let scripts: ScriptLibrary
  let together: LinkHandle
  let alone: LinkHandle

  private static let rounds = 40

  struct Difference: CustomStringConvertible {
    var seed: UInt64
    var round: Int
    var what: String

    var description: String { "seed \(seed), round \(round): \(what)" }
  }

  /// - Parameter seen: counts the verdicts.
  func firstDifference(seen: inout [String: Int]) async throws -> Difference? {
    guard let reserves = scripts.reserve.batch, let confirms = scripts.confirm.batch else {
      return Difference(seed: seed, round: 0, what: "no batch script")
    }
    var calls = BatchCalls(seed: seed, prefix: scripts.declaredKeys.first ?? "")
    var now = TestClock.start
    var deadlines: [Int64] = []
    for command in calls.stock() { try await both(command) }

    for round in 1...Self.rounds {
      now += Int64(calls.random.number(0...1500))
      // Often to the millisecond when a hold is due.
      if let next = deadlines.filter({ $0 > now }).min(), calls.random.oneIn(3) { now = next }
      try await both(TestClock.setting(now))
      if calls.random.oneIn(6) { try await both(calls.damage()) }
      if calls.random.oneIn(3), let claim = calls.claim() { try await both(claim) }
      if calls.random.oneIn(3) { try await both(call(scripts.release.script, ["\(now)", calls.dueSKU(), "100"])) }
      if calls.random.oneIn(5) { try await both(call(scripts.cancel.script, ["\(now)", calls.recentID(), "", ""])) }

      let isReserve = !calls.random.oneIn(3)
      let (script, batch) = isReserve ? (scripts.reserve.script, reserves) : (scripts.confirm.script, confirms)
      var members = (0..<calls.random.number(1...12)).map { _ in
        isReserve ? calls.reserve(now: now) : calls.confirm(now: now)
      }
      if !isReserve, calls.random.oneIn(3) { members = try await contested(&calls, now: now) }
      // Sometimes the last one's bound is over for all.
      let latest = members.compactMap { Int64($0[0]) }.max() ?? now
      let lengths = members.flatMap { ["\($0.count)"] + $0 }
      let answers = try await together.send(call(batch, ["\(latest)"] + lengths)).get()
      var single: [String] = []
      for member in members {
        let reply = try await alone.send(call(script, member)).get()
        single.append(reply.text ?? "\(reply)")
      }
      if isReserve { deadlines += single.filter { $0.hasPrefix("OK ") }.compactMap { Int64($0.suffix(13)) } }
      for answer in single { seen["\(script.name) \(answer.prefix { $0 != " " })", default: 0] += 1 }
      // What is too late for all is told once.
      let shared =
        answers.text.map { Array(repeating: $0, count: members.count) } ?? answers.elements.map { $0.text ?? "\($0)" }
      guard shared == single else {
        return Difference(
          seed: seed, round: round, what: "of \(members)\n  together \(shared) \(answers)\n  alone    \(single)")
      }
      let (left, right) = (try await Self.contents(together), try await Self.contents(alone))
      guard left == right else {
        let parts = Set(left).symmetricDifference(right).sorted().joined(separator: "\n  ")
        return Difference(seed: seed, round: round, what: "after \(members) contents differ:\n  \(parts)")
      }
    }
    return nil
  }

  /// Confirms of two holds where fewer pieces are reserved than both say, so that only the first can be sold.
  private func contested(_ calls: inout BatchCalls, now: Int64) async throws -> [[String]] {
    let key = calls.key
    try await both(["MSET", key("inventory:A"), "20", key("total:A"), "20", key("sold:A"), "0"])
    try await both(["DEL", key("holds:A"), key("sales:A"), key("events"), key("due")])
    var members: [[String]] = []
    for _ in 1...2 {
      let hold = calls.hold(3, of: "A", now: now)
      try await both(call(scripts.reserve.script, hold))
      members.append(["\(now + 9)", hold[1], "", ""])
    }
    try await both(["INCRBY", key("inventory:A"), "1"])
    return members
  }

  private func call(_ script: Script, _ arguments: [String]) -> [String] {
    ["EVAL", script.source, "\(scripts.declaredKeys.count)"] + scripts.declaredKeys + arguments
  }

  private func both(_ command: [String]) async throws {
    _ = try await together.send(command).get()
    _ = try await alone.send(command).get()
  }

  /// All keys with what is in them. Entries of a stream have other names in each store.
  static func contents(_ link: LinkHandle) async throws -> [String] {
    let script = """
      local all = {}
      local function texts(list)
        for i, one in ipairs(list) do list[i] = type(one) == 'table' and texts(one) or tostring(one) end
        return table.concat(list, ' ')
      end
      for _, key in ipairs(redis.call('KEYS', '*')) do
        local kind, told = redis.call('TYPE', key).ok, ''
        if kind == 'string' then told = redis.call('GET', key)
        elseif kind == 'zset' then told = texts(redis.call('ZRANGE', key, '0', '-1', 'WITHSCORES'))
        elseif kind == 'list' then told = texts(redis.call('LRANGE', key, '0', '-1'))
        elseif kind == 'stream' then
          local entries = redis.call('XRANGE', key, '-', '+')
          for i, entry in ipairs(entries) do entries[i] = texts(entry[2]) end
          told = table.concat(entries, ' | ')
        end
        all[#all + 1] = key .. ' (' .. kind .. (redis.call('TTL', key) > 0 and ', expires' or '') .. ') ' .. told
      end
      table.sort(all)
      return all
      """
    return try await link.reply("EVAL", script, "0").elements.map { $0.text ?? "\($0)" }
  }
}
