import Crypto
import Foundation
import TestSupport
import Testing

@testable import Store

@Suite struct IdempotencyTests {
  @Test func `key names are those of the contract`() {
    // Names that other programs may read: `inventory:{sku}`, `reservation:{reservationId}`, `idem:{scope}:{key}`.
    let keys = RedisKeys()
    let key = IdempotencyKey(operation: "reserve", caller: "web", text: "k:1")
    #expect(keys.inventory + "A" == "inventory:A")
    #expect(keys.reservation + "r" == "reservation:r")
    #expect(keys.record(of: key) == "idem:reserve/web:k:1")
    #expect([keys.total, keys.sold, keys.holds] == ["total:", "sold:", "holds:"])
    #expect([keys.due, keys.events] == ["due", "events"])
    let shared = RedisKeys(prefix: "shop-1:")
    #expect(shared.inventory == "shop-1:inventory:" && shared.record(of: key) == "shop-1:idem:reserve/web:k:1")
  }

  @Test func `no two kinds of keys share a name`() {
    let keys = RedisKeys()
    let prefixes = [
      keys.inventory, keys.total, keys.sold, keys.holds, keys.sales, keys.reservation, "idem:",
    ]
    let whole = [keys.due, keys.skus, keys.events]
    #expect(Set(prefixes + whole).count == prefixes.count + whole.count)
    // No prefix begins another, so a key shows its kind.
    for name in prefixes + whole {
      #expect(prefixes.filter { name.hasPrefix($0) } == (name.hasSuffix(":") ? [name] : []))
    }
  }

  @Test func `a fingerprint is the first half of the SHA-256`() {
    for canonical in ["", "A 2,\n\n\n", "canonical\ntéxt"] {
      let expected = Base64URL.standard(of: SHA256.hash(data: Data(canonical.utf8)).prefix(16))
      #expect(Fingerprint(of: canonical).text == expected && expected.utf8.count == Fingerprint.length)
    }
  }

  @Test func `a record answers only the request that made it`() {
    let (mine, other) = (Fingerprint(of: "a"), Fingerprint(of: "b"))
    let record = Array((IdempotencyRecord.head(mine) + "the answer").utf8)
    #expect(IdempotencyRecord.head(mine) == "1\(mine.text) ")
    func found(_ record: some Sequence<UInt8>, _ fingerprint: Fingerprint) -> IdempotencyRecord.Found {
      IdempotencyRecord.answer(in: Array(record)[...], for: fingerprint)
    }
    #expect(found(record, mine) == .ours(Array("the answer".utf8)[...]))
    #expect(found(record, other) == .anothers)
    // A record that was cut or written by a later version says nothing about any request.
    #expect(found(record.prefix(23), mine) == .damaged)
    #expect(found(record.prefix(23), other) == .damaged)
    #expect(found(Array("2".utf8) + record.dropFirst(), mine) == .damaged)
    #expect(found([], mine) == .damaged)
    #expect(found(record.prefix(24), mine) == .ours([]))
  }

  @Test func `the nonce of a claim stands between a record's request and its answer`() {
    let mine = Fingerprint(of: "a")
    let head = IdempotencyRecord.head(mine, nonce: 0xab)
    #expect(head == "1\(mine.text)!00000000000000ab ")
    let record = Array((head + "the answer").utf8)
    #expect(IdempotencyRecord.answer(in: record[...], for: mine) == .ours(Array("the answer".utf8)[...]))
    #expect(IdempotencyRecord.answer(in: record[...], for: Fingerprint(of: "b")) == .anothers)
    #expect(IdempotencyRecord.answer(in: record.prefix(30), for: mine) == .damaged)
  }

  @Test func `different contents have different fingerprints`() {
    let texts = (0..<5000).map { Fingerprint(of: "reserve \($0)").text }
    #expect(Set(texts).count == texts.count)
    #expect(Fingerprint(of: "") != Fingerprint(of: "\n"))
  }

  @Test(arguments: UInt64(1)...5)
  func `base64url is that of RFC 4648`(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<500 {
      let (high, low) =
        random.oneIn(10) ? (random.pick([0, .max]), random.pick([0, .max])) : (random.next(), random.next())
      let bytes = [high, low].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
      #expect(Base64URL.text(of: high, low) == Base64URL.standard(of: bytes))
    }
  }
}

extension Base64URL {
  /// Foundation's base64 in the URL-safe alphabet, without padding.
  fileprivate static func standard(of bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .trimmingCharacters(in: ["="])
  }
}
