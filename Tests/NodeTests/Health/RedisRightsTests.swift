import Testing

@testable import Node
@testable import Store

@Suite struct RedisRightsTests {
  @Test func `missing rights are told by what they stop; those for selling are a fault`() {
    let all = RedisRights(RedisKeys(prefix: "p:"), hasEvents: true).all
    #expect(RedisRights.findings([], user: "u") == [])
    for right in all {
      let finding = RedisRights.findings([right], user: "u").first
      #expect(finding?.words == "The Redis user u may not run \(right.words): \(right.work.harm)")
      #expect((finding?.meaning == .fault) == (right.work == .selling))
    }
    #expect(all.contains { $0.words == "DECRBY on p:inventory:*" && $0.command == ["DECRBY", "p:inventory:", "x"] })
    #expect(all.contains { $0.words == "XADD on p:events" })
    #expect(RedisRights.findings(all, user: nil).map(\.words).allSatisfy { $0.utf8.count < 400 })
    #expect(RedisRights.isDenied(.error("NOPERM x")) == true && RedisRights.isDenied(.error("ERR x")) == false)
    #expect(RedisRights.isDenied(.bytes(Array("This user has no permissions to access the 'a' key".utf8))) == true)
    #expect(RedisRights.isDenied(.status("OK")) == false && RedisRights.isDenied(.integer(0)) == false)
  }

  // MARK: - What scripts call

  /// The keys or commands of calls that use variables. All other calls name their keys.
  private static let indirect: [String: [String]] = [
    "'TIME'": ["TIME"], "'SCAN', ARGV[2]": ["SCAN"],
    "'GET', key": ["GET on idem:*"], "'SET', key": ["SET on idem:*"],
    "'MGET', names[1]": counters.map { "MGET on \($0)" }, "'EXISTS', names[1]": counters.map { "EXISTS on \($0)" },
    "'EXISTS', name .. sku": counters.map { "EXISTS on \($0)" },
    "'PTTL', name": (counters + ["holds:*", "sales:*"]).map { "PTTL on \($0)" },
    "'PTTL', key": ["PTTL on skus", "PTTL on due", "PTTL on events"],
    "size, key": ["ZCARD on skus", "ZCARD on due", "XLEN on events"],
    "'ZCARD', index": ["ZCARD on skus", "ZCARD on due"],
    "'MSET', unpack(records)": ["MSET on reservation:*"],
    "command, index": ["ZCARD on due", "ZCARD on holds:*", "LLEN on sales:*"],
    "'ZCOUNT', index": ["ZCOUNT on holds:*"], "'ZRANGEBYSCORE', index": ["ZRANGEBYSCORE on holds:*"],
  ]
  private static let counters = ["inventory:*", "total:*", "sold:*"]

  @Test func `each command that a script calls, on each kind of key, is among the rights that are checked`() {
    let scripts = ScriptLibrary(tuning: .init())
    // What only a store of several shards does stands in the scripts of all.
    let all =
      scripts.forShoppers + scripts.forOperators + scripts.forElection + scripts.forSweeping + scripts.forWatching
    let checked = Set(RedisRights(scripts.keys, hasEvents: true, hasShards: true).all.map(\.words))
    let names = Set(scripts.constants.map { String($0.literal.dropFirst().dropLast()) })
    var used: Set<String> = []
    for script in all {
      for call in Self.calls(in: script.source) {
        let uses = Self.uses(of: call, names)
        #expect(!uses.isEmpty, "\(script.name): which keys are meant by \(call)?")
        used.formUnion(uses)
      }
    }
    #expect(used.count > 60 && used.subtracting(checked) == [])
  }

  /// The arguments of each call. Parentheses in strings are ignored.
  private static func calls(in source: String) -> [String] {
    source.ranges(of: /redis\.p?call\(/).map { start in
      var (depth, isText) = (1, false)
      return String(
        source[start.upperBound...].prefix { character in
          if character == "'" { isText.toggle() }
          if !isText { depth += character == "(" ? 1 : character == ")" ? -1 : 0 }
          return depth > 0
        })
    }
  }

  /// The uses of a call in the words of access rights: `DECRBY on inventory:*`.
  private static func uses(of call: String, _ names: Set<String>) -> [String] {
    let head = call.split(separator: ",").prefix(2).joined(separator: ",")
    if let known = indirect[head] { return known }
    guard let command = call.firstMatch(of: /^'([A-Z]+)'/)?.1 else { return [] }
    return call.matches(of: /'([a-z:]+)'( \.\. )?/).filter { names.contains(String($0.1)) }.map { key in
      "\(command) on \(key.1)\(key.2 == nil ? "" : "*")"
    }
  }
}
