import Foundation
import RedisClient
import Testing

@testable import Store

@Suite struct ScriptLibraryTests {
  private static let library = ScriptLibrary(tuning: .init(retentionSeconds: 77, eventsMaxLength: 99))
  /// A script and what Swift knows about it.
  private struct Known {
    var script: Script
    var kind: StoreScriptKind
    var verdicts: Set<String>
    /// The verdicts that refuse. Nil for a script without an idempotency key.
    var refusals: Set<String>?

    init<Verdict: StoreVerdict>(_ known: StoreScript<Verdict>) {
      (script, kind) = (known.script, known.kind)
      verdicts = Set(Verdict.allCases.map(\.rawValue))
    }

    init<Verdict: KeyedVerdict>(_ known: StoreScript<Verdict>) {
      (script, kind) = (known.script, known.kind)
      verdicts = Set(Verdict.allCases.map(\.rawValue))
      refusals = Set(Verdict.allCases.filter(\.isRefusal).map(\.rawValue))
    }
  }

  private static var all: [Known] {
    [
      Known(library.reserve),
      Known(library.confirm),
      Known(library.cancel),
      Known(library.extend),
      Known(library.readReservation),
      Known(library.readStock),
      Known(library.listStock),
      Known(library.changeStock),
      Known(library.deleteStock),
      Known(library.auditStock),
      Known(library.findUnlisted),
      Known(library.inspectStock),
      Known(library.release),
      Known(library.acquireLease),
      Known(library.renewLease),
      Known(library.releaseLease),
      Known(library.sweep),
      Known(library.trim),
      Known(library.overdue),
      Known(library.probeStore),
      Known(library.commit),
      Known(library.holdPart),
      Known(library.settle),
      Known(library.standing),
      Known(library.acknowledge),
      Known(library.unsettled),
      Known(library.claim),
      Known(library.voidClaim),
    ]
  }

  @Test func `every script is its first line, then the shared head`() {
    for script in Self.all.map(\.script) {
      let lines = script.source.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines[0].hasPrefix("#!lua"), "\(script.name)")
      #expect(lines[1].hasPrefix("-- Runs at the head"), "\(script.name)")
      #expect(script.source.contains("if now > ARGV[1] then\n  return 'LATE ' .. now"), "\(script.name)")
      #expect(script.sha.count == 40 && script.sha.allSatisfy(\.isHexDigit))
    }
    #expect(Set(Self.all.map(\.script.sha)).count == Self.all.count)
  }

  /// Scripts that free memory or keep order must also run on a full Redis.
  @Test func `what finishes runs on a full store, and what reads writes nothing`() {
    for (script, kind) in Self.all.map({ ($0.script, $0.kind) }) {
      let flags = script.source.prefix { $0 != "\n" }
      #expect(script.writes == (kind != .reads), "\(script.name)")
      switch kind {
      case .reads: #expect(flags.contains("no-writes"), "\(script.name)")
      case .adds: #expect(!flags.contains("allow-oom"), "\(script.name)")
      case .finishes where script.name == "extend": break
      case .finishes: #expect(flags.contains("allow-oom"), "\(script.name)")
      }
    }
    let finishing = Self.all.filter { $0.kind == .finishes }.map(\.script.name)
    #expect(Set(finishing).isSuperset(of: ["confirm", "cancel", "release"]))
    // On a full Redis the leader must still be elected and run, because it frees memory.
    #expect(Set(finishing).isSuperset(of: Self.library.forElection.map(\.name) + ["sweep", "trim"]))
    #expect(
      Self.all.filter { $0.kind == .adds }.map(\.script.name) == [
        "reserve", "change_stock", "commit", "hold_part", "claim",
      ])
  }

  @Test func `an operator's tuning is part of the scripts`() {
    let scripts = [Self.library.extend.script, Self.library.confirm.script, Self.library.reserve.script]
    let source = scripts.map(\.source).joined()
    for text in [
      "answer, 'EX', '77')", "'MAXLEN', '~', '99'", "id, record, 'EX', '137')", "-4) + 3600)", "total <= 1000000000",
      "string.sub(record, 25)", "'reservation:' .. id",
    ] {
      #expect(source.contains(text), "\(text)")
    }
    #expect(ScriptLibrary(tuning: .init()).reserve.script.sha != Self.library.reserve.script.sha)
  }

  @Test func `one text serves all shards of a store, and each call declares a key of its shard`() throws {
    let map = ShardMap(count: 8)
    let library = ScriptLibrary(tuning: .init(keyPrefix: "shop:"), shards: map)
    let last = library.at(try #require(map.shards.last))
    #expect(last.reserve.script.sha == library.reserve.script.sha)
    #expect(last.reserve.script.source.contains("KEYS[1] .. 'inventory:' .. sku"))
    #expect(last.declaredKeys == ["shop:{\(map.tags[7])}"])
    #expect(last.keys.inventory == "shop:{\(map.tags[7])}inventory:")
    #expect(library.declaredKeys == ["shop:{\(map.tags[0])}"])
  }

  @Test func `a store of one shard has the names that it always had, and calls declare nothing`() {
    #expect(Self.library.declaredKeys == [] && Self.library.at(Shard(number: 0)).keys == RedisKeys())
    #expect(Self.library.sweep.script.source.contains("redis.pcall('GET', 'lease')"))
  }

  /// The words of the code, without comments and strings.
  private static func words(_ sources: [String]) -> Set<String> {
    let code = sources.map { $0.replacing(/--[^\n]*/, with: "").replacing(/'(?:[^'\\]|\\.)*'/, with: "") }
    return Set(code.joined(separator: "\n").split { !$0.isLetter && $0 != "_" }.map(String.init))
  }

  @Test func `every constant has a name of its own, is put in, and is used`() throws {
    let constants = ScriptConstant.all(.init(), RedisKeys())
    #expect(Set(constants.map(\.name)).count == constants.count)
    let unknown = Self.words(Self.all.map(\.script.source)).intersection(constants.map(\.name))
    #expect(unknown == [], "each is replaced by what it stands for")
    let files = try FileManager.default.contentsOfDirectory(
      at: URL(filePath: #filePath).appending(path: "../../../../Sources/Store/Lua").standardized,
      includingPropertiesForKeys: nil)
    let used = Self.words(try files.map { try String(contentsOf: $0, encoding: .utf8) })
    #expect(Set(constants.map(\.name)).subtracting(used) == [], "nothing is left of what no script needs")
    #expect(ScriptConstant("A", #"\["\]"#).literal == #"'\\["\\]'"#, "Lua reads what was meant")
  }

  @Test func `every script is loaded where it is called`() {
    let library = Self.library
    #expect(
      Set(library.forShoppers.map(\.name)) == [
        "reserve", "confirm", "cancel", "extend", "read_reservation", "read_stock", "release", "reserve_batch",
        "confirm_batch",
      ])
    let unbatched = ScriptLibrary(tuning: .init(hasBatches: false))
    #expect(unbatched.reserve.batch == nil && unbatched.confirm.batch == nil)
    #expect(!unbatched.forShoppers.contains { $0.name.hasSuffix("_batch") })
    #expect(unbatched.reserve.script.sha == ScriptLibrary(tuning: .init()).reserve.script.sha)
    #expect(
      Set(library.forOperators.map(\.name)) == [
        "read_stock", "list_stock", "change_stock", "delete_stock", "audit_stock", "find_unlisted", "inspect_stock",
        "release",
      ])
    #expect(Set(library.forSweeping.map(\.name)) == ["sweep", "trim", "overdue"])
    let several = ScriptLibrary(tuning: .init(), shards: ShardMap(count: 2))
    let others = [several.forElection, several.forSweeping, several.forWatching].joined()
    let loaded = Set((several.forShoppers + several.forOperators + others).map(\.name))
    #expect(loaded == Set(Self.all.map(\.script.name) + ["reserve_batch", "confirm_batch"]))
  }

  /// A script's verdicts stand in three places: in its head comment, in its text, and in its Swift enum.
  @Test func `every verdict is the same in a script's head, in its text and in Swift`() throws {
    for known in Self.all {
      let script = known.script
      let own = try #require(script.source.split(separator: "\n-- ARGV: ").last)
      let head = try #require(own.split(separator: "\n-- Reply: ").last).prefix { $0 != "\u{0}" }
      let comment = head.split(separator: "\n").prefix { !$0.isEmpty }
      let reply = comment.enumerated().prefix { $0.offset == 0 || $0.element.hasPrefix("--") }.map(\.element)
      let promised = Set(("| " + reply.joined()).matches(of: /\| ([A-Z]+)\b/).map { String($0.1) })
      // Each script can say the first, and each that looks at a key the second.
      #expect(
        promised.subtracting(["DAMAGED", "CLAIMED"]) == known.verdicts, "the head of \(script.name).lua, and its enum")

      let text = own.matches(of: /'([A-Z]+)(?: ' \.\. now|', now)/).map { String($0.1) }
      let judged = own.contains("= judge(") && own.contains("return refusal\n") ? ["UNKNOWN", "DUE", "SHORT"] : []
      let told = Set(text + (own.contains("prior_answer(") ? ["PRIOR"] : []) + judged).subtracting(["CLAIMED"])
      #expect(told == known.verdicts, "the text of \(script.name).lua, and its enum")
    }
  }

  /// An open verdict may change when the request is repeated. Every other verdict is a refusal.
  @Test func `every verdict says no, but those that leave it open`() {
    for known in Self.all {
      guard let refusals = known.refusals else { continue }
      #expect(refusals == known.verdicts.subtracting(["OK", "PRIOR", "DUE"]), "\(known.script.name)")
    }
    #expect(
      Set(Self.all.filter { $0.refusals != nil }.map(\.script.name)) == [
        "reserve", "commit", "confirm", "cancel", "extend", "change_stock", "delete_stock",
      ])
  }
}
