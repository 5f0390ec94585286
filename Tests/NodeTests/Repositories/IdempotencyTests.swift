import Crypto
import Foundation
import TestSupport
import Testing

@testable import Node

@Suite struct IdempotencyTests {
  @Test func keyNamesAreThoseOfTheContract() {
    // engine.md: `inventory:{sku}`, `reservation:{reservationId}`, `idem:{scope}:{key}`.
    #expect(RedisKeys.inventory + "A" == "inventory:A")
    #expect(RedisKeys.reservation + "r" == "reservation:r")
    #expect(RedisKeys.idempotencyRecord(operation: "reserve", caller: "web", key: "k:1") == "idem:reserve/web:k:1")
    #expect([RedisKeys.total, RedisKeys.sold, RedisKeys.holds] == ["total:", "sold:", "holds:"])
    #expect([RedisKeys.due, RedisKeys.events] == ["due", "events"])
  }

  @Test func noTwoKindsOfKeysShareAName() {
    let prefixes = [
      RedisKeys.inventory, RedisKeys.total, RedisKeys.sold, RedisKeys.holds, RedisKeys.sales, RedisKeys.reservation,
      "idem:",
    ]
    let whole = [RedisKeys.due, RedisKeys.skus, RedisKeys.events]
    #expect(Set(prefixes + whole).count == prefixes.count + whole.count)
    // None begins another, so that a key tells its kind.
    for name in prefixes + whole {
      #expect(prefixes.filter { name.hasPrefix($0) } == (name.hasSuffix(":") ? [name] : []))
    }
  }

  @Test(arguments: UInt64(1)...10)
  func aRecordIsScopedToOperationCallerAndKey(seed: UInt64) {
    var random = SeededRandom(seed)
    var meant: [String: [String]] = [:]
    for _ in 0..<2000 {
      let operation = random.pick(Operation.allCases.filter(\.takesKey)).rawValue
      // A caller's name holds no colon and no slash (AccessTokens).
      let parts = [operation, random.text("a-._1", 1...3), random.text("a:/-1", 1...4)]
      let key = IdempotencyKey(operation: parts[0], caller: parts[1], text: parts[2])
      #expect(meant[key.recordName, default: parts] == parts, "\(key.recordName)")
      meant[key.recordName] = parts
    }
  }

  @Test func aFingerprintIsTheFirstHalfOfTheSHA256() {
    for canonical in ["", "A 2,\n\n\n", "canonical\ntéxt"] {
      let expected = Base64URL.standard(of: SHA256.hash(data: Data(canonical.utf8)).prefix(16))
      #expect(Fingerprint(of: canonical).text == expected && expected.utf8.count == Fingerprint.length)
    }
  }

  @Test func aRecordAnswersOnlyTheRequestThatMadeIt() {
    let (mine, other) = (Fingerprint(of: "a"), Fingerprint(of: "b"))
    let record = Array((IdempotencyRecord.head(mine) + "the answer").utf8)
    #expect(IdempotencyRecord.head(mine) == "1\(mine.text) ")
    #expect(IdempotencyRecord.answer(in: record[...], for: mine).map(Array.init) == Array("the answer".utf8))
    #expect(IdempotencyRecord.answer(in: record[...], for: other) == nil)
    // One that was cut, or written by a version to come, is no answer of ours.
    #expect(IdempotencyRecord.answer(in: record.prefix(23), for: mine) == nil)
    #expect(IdempotencyRecord.answer(in: (Array("2".utf8) + record.dropFirst())[...], for: mine) == nil)
    #expect(IdempotencyRecord.answer(in: record.prefix(24), for: mine)?.isEmpty == true)
  }

  @Test func differentContentsHaveDifferentFingerprints() {
    let texts = (0..<5000).map { Fingerprint(of: "reserve \($0)").text }
    #expect(Set(texts).count == texts.count)
    #expect(Fingerprint(of: "") != Fingerprint(of: "\n"))
  }

  @Test(arguments: UInt64(1)...5)
  func base64URLIsThatOfRFC4648(seed: UInt64) {
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
