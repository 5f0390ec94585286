import NIOCore
import RedisClient
import Testing

@testable import Store

/// The arguments of the scripts, and the meaning of their replies.
@Suite struct StockRepositoryTests {
  private static let sku = SKU(stored: "moka".utf8)
  /// The head of the idempotency record of the request that every call below makes, and of another request.
  private static let mine = IdempotencyRecord.head(Fingerprint(of: "mine"))
  private static let other = IdempotencyRecord.head(Fingerprint(of: "other"))

  private static func inventory(_ available: Int, _ total: Int, _ sold: Int, _ next: Int64? = nil) -> Inventory {
    Inventory(sku: sku, available: available, total: total, sold: sold, nextReleaseAt: next)
  }

  @Test func `stock is told as its counters`() {
    let told = Bench().read("OK 5 97 120 20 1795337100123")
    #expect(told == .success(.stock(Self.inventory(97, 120, 20, 1_795_337_100_123))))
    #expect(Bench().read("OK 5 1 1 0 -") == .success(.stock(Self.inventory(1, 1, 0))))
    #expect(Bench().read("GONE 5") == .success(.gone))
    #expect(Bench().read("DUE 5 moka") == .success(.due([Self.sku])))
  }

  @Test(arguments: ["OK 5", "OK 5 1 2", "OK 5 a b c -", "SHORT 5", "INUSE 5 1 1"])
  func `a reply that means nothing is a defect`(line: String) {
    guard case .failure(.redis(.rejected(.other))) = Bench().read(line) else {
      Issue.record("a malformed reply was accepted")
      return
    }
  }

  @Test func `changes give their script what it needs`() {
    let bench = Bench()
    _ = bench.change(.set(total: 7), "GONE 5")
    #expect(bench.arguments == ["moka", "idem:adjust-stock/ops:k", Self.mine, "set", "7", ""])
    _ = bench.change(.adjust(delta: -3, reason: "lost \"two\"\n"), "GONE 5")
    #expect(bench.arguments[3...] == ["adjust", "-3", #""lost \"two\"\u000a""#])
    _ = bench.change(.adjust(delta: 1, reason: nil), "GONE 5")
    #expect(bench.arguments[3...] == ["adjust", "1", ""])
  }

  @Test(arguments: [
    ("OK 5 created 7 7 0 -", true, false), ("OK 5 changed 7 7 0 -", false, false),
    ("PRIOR 5 \(mine)created 7 7 0 -", true, true),
    ("PRIOR 5 \(mine)changed 7 7 0 -", false, true),
  ])
  func `a change is told as new or changed, and again as it was`(line: String, isNew: Bool, isReplay: Bool) {
    let expected = StockRepository.ChangeOutcome.done(Self.inventory(7, 7, 0), isNew: isNew, isReplay: isReplay)
    #expect(Bench().change(.set(total: 7), line) == .success(expected))
  }

  @Test(arguments: [
    "made 7 7 0 -", "created 7 7 0 -  ", "created 7 7 0 - x", "created 7 7 0 x", "created 7 7 0",
    "changed 7 7 0 9999999999999", "changed 8 7 0 -",
  ])
  func `a replay that is no answer is damage`(answer: String) {
    let damage = StoreDamage(key: "idem:adjust-stock/ops:k")
    #expect(Bench().change(.set(total: 7), "PRIOR 1795337200000 \(Self.mine)\(answer)") == .failure(.damaged(damage)))
    #expect(Bench().delete("PRIOR 1795337200000 \(Self.mine)\(answer)") == .failure(.damaged(damage)))
  }

  @Test(arguments: [
    ("INUSE 5 3 4", StockRepository.ChangeOutcome.inUse(reserved: 3, sold: 4)), ("LIMIT 5 9", .limit(total: 9)),
    ("GONE 5", .gone), ("DUE 5 moka", .due([sku])), ("PRIOR 5 \(other)changed 1 1 0 -", .keyReused),
  ])
  func `refusals of changes bring their facts`(line: String, outcome: StockRepository.ChangeOutcome) {
    #expect(Bench().change(.adjust(delta: 1, reason: nil), line) == .success(outcome))
  }

  @Test(arguments: [
    ("OK 5", StockRepository.DeleteOutcome.done(isReplay: false)), ("PRIOR 5 \(mine)", .done(isReplay: true)),
    ("PRIOR 5 \(other)", .keyReused), ("GONE 5", .gone), ("DUE 5 moka", .due([sku])),
    ("INUSE 5 2 0", .inUse(reserved: 2, sold: 0)),
  ])
  func `deletions are told`(line: String, outcome: StockRepository.DeleteOutcome) {
    #expect(Bench().delete(line) == .success(outcome))
  }

  @Test(arguments: [("OK 5 3 -", false), ("OK 5 3 6", false), ("OK 5 3 5", true), ("OK 5 80 4", true)])
  func `a release tells whether more is due`(line: String, isMoreDue: Bool) {
    #expect(Bench().release(line) == .success(isMoreDue))
  }
}

private typealias Bench = RepositoryBench<StockRepository>

extension Bench {
  fileprivate convenience init() { self.init(\.stock) }

  private var sku: SKU { SKU(stored: "moka".utf8) }

  private var write: Write {
    Write(
      key: IdempotencyKey(operation: "adjust-stock", caller: "ops", text: "k"), fingerprint: Fingerprint(of: "mine"),
      arrival: link.loop.now)
  }

  fileprivate func read(_ line: String) -> Result<StockRepository.ReadOutcome, StoreFailure>? {
    told(line) { repository.read(sku, deadline: .now(), completion: $0) }
  }

  fileprivate func change(
    _ change: StockRepository.Change, _ line: String
  ) -> Result<StockRepository.ChangeOutcome, StoreFailure>? {
    told(line) { repository.change(sku, change, write: write, completion: $0) }
  }

  fileprivate func delete(_ line: String) -> Result<StockRepository.DeleteOutcome, StoreFailure>? {
    told(line) { repository.delete(sku, write: write, completion: $0) }
  }

  fileprivate func release(_ line: String) -> Result<Bool, StoreFailure>? {
    told(line) { completion in
      repository.releaseSome(of: sku, arrival: link.loop.now) { completion($0.map(\.isMoreDue)) }
    }
  }
}
