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

  private static let skus = ["A", "B", "a.b", "none", "C"]
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
    var random = SeededRandom(seed)
    var ids = 0
    var now = TestClock.start
    var deadlines: [Int64] = []
    var keys: [(name: String, head: String, lines: [String])] = []
    var confirmKeys: [String] = []
    for command in [["FLUSHALL"], ["RPUSH", "idem:list", "x"]] + Self.stock(&random) { try await both(command) }

    for round in 1...Self.rounds {
      now += Int64(random.number(0...1500))
      // Often to the millisecond when a hold is due.
      if let next = deadlines.filter({ $0 > now }).min(), random.oneIn(3) { now = next }
      try await both(TestClock.setting(now))
      if random.oneIn(6) { try await both(Self.damage(&random)) }
      if random.oneIn(3) {
        let sku = Self.skus[random.number(0...2)]
        try await both(["EVAL", scripts.release.script.source, "0", "\(now)", sku, "100"])
      }
      let isReserve = !random.oneIn(3)
      let (script, batch) = isReserve ? (scripts.reserve.script, reserves) : (scripts.confirm.script, confirms)
      var members: [[String]] = []
      for _ in 0..<random.number(1...12) {
        if isReserve { ids += 1 }
        members.append(
          isReserve
            ? Self.reserve(&random, id: ids, now: now, &keys)
            : Self.confirm(&random, ids: ids, now: now, &confirmKeys))
      }
      if !isReserve, random.oneIn(3) {
        // Fewer pieces are reserved than holds say, and so only the first can be sold.
        try await both(["MSET", "inventory:A", "20", "total:A", "20", "sold:A", "0"])
        try await both(["DEL", "holds:A", "sales:A", "events", "due"])
        members = []
        for _ in 1...2 {
          ids += 1
          let lines = ["A", "3"]
          let hold = ["\(now + 9)", "id-\(ids)", "4", ",\"items\":{\"A\":3}}", "", ""] + lines
          try await both(["EVAL", scripts.reserve.script.source, "0"] + hold)
          members.append(["\(now + 9)", "id-\(ids)", "", ""])
        }
        try await both(["INCRBY", "inventory:A", "1"])
      }
      let lengths = members.flatMap { ["\($0.count)"] + $0 }
      let answers = try await together.send(["EVAL", batch.source, "0", "\(now + 5000)"] + lengths).get()
      var single: [String] = []
      for member in members {
        let reply = try await alone.send(["EVAL", script.source, "0"] + member).get()
        single.append(reply.text ?? "\(reply)")
      }
      if isReserve { deadlines += single.filter { $0.hasPrefix("OK ") }.compactMap { Int64($0.suffix(13)) } }
      let shared = answers.elements.map { $0.text ?? "\($0)" }
      for answer in single { seen["\(script.name) \(answer.prefix { $0 != " " })", default: 0] += 1 }
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

  private func both(_ command: [String]) async throws {
    _ = try await together.send(command).get()
    _ = try await alone.send(command).get()
  }

  private static func stock(_ random: inout SeededRandom) -> [[String]] {
    skus.filter { $0 != "none" }.flatMap { sku in
      let total = random.number(0...25)
      return [
        ["MSET", "inventory:\(sku)", "\(total)", "total:\(sku)", "\(total)", "sold:\(sku)", "0"],
        ["ZADD", "skus", "0", sku],
      ]
    }
  }

  /// Something that breaks a key of one SKU, or mends it.
  private static func damage(_ random: inout SeededRandom) -> [String] {
    switch random.number(0...11) {
    case 0: ["MSET", "inventory:C", "-1"]
    case 1: ["MSET", "inventory:C", "9", "total:C", "9", "sold:C", "0"]
    case 2: ["SET", "holds:B", "x"]
    case 3, 4: ["DEL", "holds:B"]
    case 5: ["SET", "events", "x"]
    case 6: ["DEL", "events"]
    case 9: ["SET", "sales:A", "x"]
    case 10: ["DEL", "sales:A"]
    case 11: ["SET", "sold:C", "99"]
    case 7: ["SET", "due", "x"]
    default: ["DEL", "due"]
    }
  }

  private static func reserve(
    _ random: inout SeededRandom, id: Int, now: Int64, _ keys: inout [(name: String, head: String, lines: [String])]
  ) -> [String] {
    var lines: [String] = []
    let first = random.number(0...3)
    for place in 0..<(random.oneIn(3) ? random.number(1...3) : 1) {
      lines += [skus[(first + place) % skus.count], "\(random.number(1...5))"]
    }
    var (name, head) = ("", "")
    let text = "id-\(id)"
    if !keys.isEmpty, random.oneIn(4) {
      // A retry: another id, and the same request or another one under the same key.
      let earlier = keys[random.number(max(0, keys.count - 8)...(keys.count - 1))]
      name = earlier.name
      head = earlier.head + text + " "
      if !random.oneIn(4) { lines = earlier.lines }
    } else if random.oneIn(2) {
      name = random.oneIn(12) ? "idem:list" : "idem:\(id)"
      keys.append((name, "1\(id)fingerprint ", lines))
      head = "1\(id)fingerprint \(text) "
    }
    let items = stride(from: 0, to: lines.count, by: 2).map { "\"\(lines[$0])\":\(lines[$0 + 1])" }
    let notAfter = now + (random.oneIn(9) ? -1 : Int64(random.number(0...3)))
    let record = ",\"items\":{\(items.joined(separator: ","))}}"
    return ["\(notAfter)", text, "\(random.number(1...4))", record, name, head] + lines
  }

  /// Of a recent reservation, often one that another member confirms too.
  private static func confirm(
    _ random: inout SeededRandom, ids: Int, now: Int64, _ keys: inout [String]
  ) -> [String] {
    let id = "id-\(max(0, ids - random.number(0...9)))"
    var name = ""
    if random.oneIn(2) {
      name = !keys.isEmpty && random.oneIn(3) ? random.pick(keys) : "idem:c\(ids)\(id)"
      keys.append(name)
    }
    return ["\(now + (random.oneIn(9) ? -1 : 1))", id, name, "1\(id)fingerprint "]
  }

  /// All keys with what is in them. Entries of a stream have other names in each store.
  private static func contents(_ link: LinkHandle) async throws -> [String] {
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
