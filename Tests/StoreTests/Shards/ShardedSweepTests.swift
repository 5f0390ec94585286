import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// What the sweep of a store of several shards does with carts, and what it tells of them.
@Suite struct ShardedSweepTests {
  /// A store of two shards with two carts that were cancelled. The first shard is their home, the other has parts.
  private final class Bench {
    static let home = Shard(number: 0), other = Shard(number: 1)

    let link = ScriptedLink()
    let store: ShardedStore
    let carts: [Reservation]
    /// The script that is refused for the first cart.
    var refused: String?
    /// The carts whose part has followed, and those whose home was told so.
    var settled: [String] = [], acknowledged: [String] = []
    private let scripts: ScriptLibrary

    init() {
      let map = ShardMap(count: 2)
      scripts = ScriptLibrary(tuning: .init(), shards: map)
      store = ShardedStore(scripts: scripts, link: link)
      let lines = map.shards.map { shard -> ReservationLine in
        let name = (0...).lazy.map { "A\($0)" }.first { map.home(of: SKU(stored: $0.utf8)) == shard } ?? ""
        return ReservationLine(sku: SKU(stored: name.utf8), quantity: 1)
      }
      .sorted { $0.sku < $1.sku }
      var random = SeededRandom(1)
      carts = (0..<2).map { _ in
        Reservation(
          id: ReservationID(random: &random, home: Bench.home), status: .cancelled, lines: lines, labels: Labels(),
          createdAt: 1_700_000_000_000, expiresAt: 1_700_000_060_000, endedAt: 1_700_000_001_000)
      }
      link.onSend = { [unowned self] command in play(command) }
    }

    var ids: [String] { carts.map(\.id.text) }

    private func play(_ command: ScriptedLink.Command) {
      let (sha, id, now) = (command.arguments[1], command.arguments[5], link.redisNow)
      let name = name(of: sha)
      if name == refused, id == ids[0] { return command.answer(.success(.error("NOPERM no"))) }
      switch name {
      case "sweep": command.line("OK \(now) 3 -" + ids.map { " @ \($0)" }.joined())
      case "unsettled": command.line("OK \(now) " + ids.joined(separator: " "))
      case "standing":
        let record = carts.first { $0.id.text == id }?.record ?? []
        command.line("OK \(now) " + String(decoding: record, as: UTF8.self))
      case "settle":
        settled.append(id)
        command.line("OK \(now)")
      case "acknowledge":
        acknowledged.append(id)
        command.line("OK \(now)")
      default: Issue.record("unexpected: \(command.arguments)")
      }
    }

    private func name(of sha: String) -> String {
      let all = [
        scripts.sweep.script, scripts.unsettled.script, scripts.standing.script, scripts.settle.script,
        scripts.acknowledge.script,
      ]
      return all.first { $0.sha == sha }?.name ?? ""
    }

    /// - Returns: what the settling of carts at home has told; nil if it has not ended.
    func settle() -> Result<Void, StoreFailure>? {
      var told: Result<Void, StoreFailure>?
      store.sweep.settle(Self.home) { told = $0 }
      return told
    }
  }

  @Test func `the parts of carts that have ended follow, and their home is told`() throws {
    let bench = Bench()
    let told = try #require(bench.settle())
    #expect(throws: Never.self) { try told.get() }
    #expect(bench.settled == bench.ids && bench.acknowledged == bench.ids)
  }

  @Test(arguments: ["standing", "settle", "acknowledge"])
  func `why a step for one cart failed is told, and the others are settled all the same`(step: String) {
    let bench = Bench()
    bench.refused = step
    guard case .failure(let failure)? = bench.settle() else {
      Issue.record("it was told as settled, or not at all")
      return
    }
    #expect(failure.cause?.contains("NOPERM no") == true, "\(failure)")
    #expect(bench.settled.last == bench.ids[1] && bench.acknowledged == [bench.ids[1]])
  }

  @Test func `what a batch has released counts, though a part among it could not follow`() {
    let bench = Bench()
    bench.refused = "standing"
    var told: Result<SweepRepository.Outcome<SweepRepository.Batch>, StoreFailure>?
    bench.store.sweep.sweep(Bench.other, token: String(repeating: "a", count: 32), epoch: 1) { told = $0 }
    guard case .success(.done(let batch))? = told else {
      Issue.record("the batch is lost: \(String(describing: told))")
      return
    }
    #expect(batch.released == 3 && batch.parts.map(\.text) == bench.ids)
    #expect(bench.settled == [bench.ids[1]])
  }
}
